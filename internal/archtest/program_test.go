package archtest

import "testing"

// TestProgramKeepsNoDeadMethods names what makes the linker keep every exported method of every type that is linked: of
// the AWS SDK alone that is 6 MB. The templates of cobra don't: nobody calls them.
func TestProgramKeepsNoDeadMethods(t *testing.T) {
	banned := map[string]string{
		"html/template":          "it finds methods by their names as the program runs",
		"net/rpc":                "it finds methods by their names as the program runs",
		"google.golang.org/grpc": "its traces are pages of html/template",
	}
	for _, p := range linked(t, "./cmd/autodefend") {
		for prefix, why := range banned {
			if hasPath(p, prefix) {
				t.Errorf("the program links %s: %s", p, why)
			}
		}
	}
}
