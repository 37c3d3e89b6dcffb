package report

import "github.com/autodefend/autodefend"

// diffOf renders a change line by line. Only values of ours are shown.
func diffOf(c *autodefend.Change) []diffLine {
	if c == nil {
		return nil
	}
	var out []diffLine
	if c.Layers != nil {
		for _, l := range diffLists(c.Layers.Before, c.Layers.After) {
			out = append(out, diffLine{l.op, "layer " + l.text})
		}
	}
	if h := c.Handler; h != nil {
		out = append(out, diffLine{'-', "handler " + h.Before}, diffLine{'+', "handler " + h.After})
	}
	for _, v := range c.Environment {
		out = append(out, variableLine(v))
	}
	return append(out, tagLines(c.Tag)...)
}

// tagLines shows the ownership tag too, which comes and goes with ours.
func tagLines(t *autodefend.TagChange) []diffLine {
	if t == nil {
		return nil
	}
	op := byte('+')
	if t.Remove {
		op = '-'
	}
	owned := diffLine{op, "tag " + autodefend.OwnershipTag}
	if t.Key == autodefend.OwnershipTag {
		return []diffLine{owned}
	}
	return []diffLine{{op, "tag " + t.Key + "=" + t.Value}, owned}
}

func variableLine(v autodefend.VariableChange) diffLine {
	switch {
	case v.Action == autodefend.RemoveVariable:
		return diffLine{'-', "variable " + v.Name}
	case v.Action == autodefend.CopyVariable:
		return diffLine{'~', "variable " + v.Name + " takes the value that " + v.From + " had"}
	case v.From == "recipe":
		return diffLine{'+', "variable " + v.Name + " as the recipe says"}
	}
	return diffLine{'+', "variable " + v.Name + "=" + v.Value}
}

// diffLists turns before into after with the fewest lines removed and added.
// Order matters in lists of layers, so a move shows as both.
func diffLists(before, after []string) []diffLine {
	// common[i][j] is the length of the longest common subsequence of
	// before[i:] and after[j:].
	common := make([][]int, len(before)+1)
	for i := range common {
		common[i] = make([]int, len(after)+1)
	}
	for i := len(before) - 1; i >= 0; i-- {
		for j := len(after) - 1; j >= 0; j-- {
			common[i][j] = max(common[i+1][j], common[i][j+1])
			if before[i] == after[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	var out []diffLine
	i, j := 0, 0
	for i < len(before) || j < len(after) {
		switch {
		case i < len(before) && j < len(after) && before[i] == after[j]:
			out = append(out, diffLine{' ', before[i]})
			i, j = i+1, j+1
		case j == len(after) || (i < len(before) && common[i+1][j] >= common[i][j+1]):
			out = append(out, diffLine{'-', before[i]})
			i++
		default:
			out = append(out, diffLine{'+', after[j]})
			j++
		}
	}
	return out
}
