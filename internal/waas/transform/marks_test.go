package transform

import (
	"math/rand/v2"
	"testing"

	"github.com/autodefend/autodefend/internal/waas/rules"
)

// TestMarksDontLie says that what is left out because of a text's marks would have changed nothing.
func TestMarksDontLie(t *testing.T) {
	check := func(text string) {
		marks := MarksOf(text)
		for k := rules.None; k < rules.Transforms; k++ {
			if marks.Leaves(k) && Apply(k, text) != text {
				t.Fatalf("%s changes %q to %q, its marks %b say it doesn't", k, text, Apply(k, text), marks)
			}
		}
	}
	for b := range 256 {
		check(string([]byte{byte(b)}))
		check(string([]byte{'a', byte(b), 'b'}))
		if kindOfByte[b] == 0 {
			t.Errorf("byte %#x is of no kind", b)
		}
	}
	random := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		check(randomText(random))
	}
}

func TestMarksLeaveWordsAlone(t *testing.T) {
	marks := MarksOf("word_12")
	for k := rules.None; k < rules.Transforms; k++ {
		if !marks.Leaves(k) && k != rules.Base64Decode && k != rules.Length {
			t.Errorf("%s should have nothing to do", k)
		}
	}
	if !marks.Plain() || !marks.ASCII() || MarksOf("a-b").Plain() || !MarksOf("Ab").Plain() || MarksOf("é").ASCII() {
		t.Error("plain are letters, digits and underscores")
	}
}
