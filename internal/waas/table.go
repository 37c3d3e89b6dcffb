package waas

import (
	"github.com/autodefend/autodefend/internal/waas/rules"
	"github.com/autodefend/autodefend/internal/waas/transform"
)

// nodeSet is a set of nodes of the transformation tree.
type nodeSet [4]uint64

func (s *nodeSet) add(id rules.NodeID) { s[id>>6] |= 1 << (id & 63) }

func (s *nodeSet) meets(o *nodeSet) bool {
	return s[0]&o[0]|s[1]&o[1]|s[2]&o[2]|s[3]&o[3] != 0
}

// table says where the rules are that can fire on a text. It is built when the first event comes: a few dozen
// kilobytes, a few microseconds for every hundred rules.
type table struct {
	rules []rules.Rule
	nodes []rules.Node
	// first has what is asked of every rule again and again.
	first []firstCondition
	// byGroup has for each literal group the rules whose first condition needs it before all others.
	byGroup [][]uint16
	// always has the rules that no literal says anything about, counting those whose first condition counts members.
	always, counting []uint16
	// named are the variables of which some rule wants single members, or all but some.
	named rules.VariableSet
	// emptyMatters are the variables of which an empty text can make a rule fire: when the condition is negated.
	emptyMatters rules.VariableSet
	// plans say for the marks of a text what the tree has to do, alwaysFor which of always matter to a value. Both are
	// filled as texts come, with as many entries as there are kinds of texts.
	plans     map[transform.Marks]*plan
	alwaysFor map[rules.VariableSet][]uint16
	// at has for each transformation node the place of its text among a value's texts; scratch of the walk.
	at []uint8
}

// firstCondition is a digest of a rule's first condition.
type firstCondition struct {
	variables rules.VariableSet
	nodes     nodeSet
}

func newTable(all []rules.Rule, nodes []rules.Node, groups int) *table {
	t := &table{
		rules: all, nodes: nodes, at: make([]uint8, len(nodes)),
		first: make([]firstCondition, len(all)), byGroup: make([][]uint16, groups),
		plans: make(map[transform.Marks]*plan), alwaysFor: make(map[rules.VariableSet][]uint16),
	}
	for i := range all {
		t.first[i].variables = all[i].Variables()
		t.place(uint16(i), &all[i].Conditions[0])
	}
	for i := range nodes {
		for _, r := range nodes[i].Rules {
			t.first[r].nodes.add(rules.NodeID(i))
		}
	}
	return t
}

func (t *table) place(rule uint16, c *rules.Condition) {
	counts := false
	for i := range c.Targets {
		target := &c.Targets[i]
		counts = counts || target.Count
		if target.Selector != "" {
			t.named |= target.Variable.Set()
		}
	}
	if len(c.Needs) == 0 || c.Negated {
		t.emptyMatters |= t.first[rule].variables
	}
	switch {
	case counts:
		t.counting = append(t.counting, rule)
	case len(c.Needs) == 0 || c.Negated:
		t.always = append(t.always, rule)
	default:
		t.byGroup[c.Needs[0]] = append(t.byGroup[c.Needs[0]], rule)
	}
}

// plan is what the tree of transformation chains has to do for texts with the same marks.
type plan struct {
	same  nodeSet        // the nodes at which the text is what it was
	doing []rules.NodeID // the topmost of the others
}

// plan finds or makes the plan for a text.
func (t *table) plan(m transform.Marks) *plan {
	p := t.plans[m]
	if p != nil {
		return p
	}
	p = new(plan)
	p.same.add(0)
	for id := 1; id < len(t.nodes); {
		if m.Leaves(t.nodes[id].Transform) {
			p.same.add(rules.NodeID(id))
			id++
			continue
		}
		p.doing = append(p.doing, rules.NodeID(id))
		id = int(t.nodes[id].End)
	}
	if len(t.plans) < maxPlans {
		t.plans[m] = p
	}
	return p
}

// maxPlans bounds the memory for plans, of about a hundred bytes each.
const maxPlans = 512

// alwaysOf are the rules of always that read one of these variables.
func (t *table) alwaysOf(set rules.VariableSet) []uint16 {
	list, ok := t.alwaysFor[set]
	if ok {
		return list
	}
	for _, id := range t.always {
		if t.first[id].variables&set != 0 {
			list = append(list, id)
		}
	}
	t.alwaysFor[set] = list
	return list
}
