package match

import (
	"slices"
	"testing"
)

func TestNextWalksASet(t *testing.T) {
	b := NewBitset(200)
	want := []int{0, 1, 63, 64, 127, 130, 199}
	for _, i := range want {
		b.Set(i)
	}
	var got []int
	for i := b.Next(0); i >= 0; i = b.Next(i + 1) {
		got = append(got, i)
	}
	if !slices.Equal(got, want) {
		t.Errorf("walked %v, want %v", got, want)
	}
	if got := NewBitset(0).Next(0); got != -1 {
		t.Errorf("the empty set has %d", got)
	}
}
