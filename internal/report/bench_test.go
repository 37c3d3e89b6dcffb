package report

import (
	"fmt"
	"io"
	"testing"
)

// BenchmarkPlan renders a plan of 10,000 functions in every format.
func BenchmarkPlan(b *testing.B) {
	const functions = 10_000
	p := samplePlan()
	few := p.Functions
	for i := range functions - len(few) {
		v := few[i%len(few)]
		v.Name = fmt.Sprintf("%s-%05d", v.Name, i)
		v.ARN.Name = v.Name
		p.Functions = append(p.Functions, v)
	}
	p.Finish()
	for _, f := range Formats() {
		b.Run(string(f), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := Plan(io.Discard, p, f, Style{Width: 120}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(functions*float64(b.N)/b.Elapsed().Seconds(), "functions/s")
		})
	}
}
