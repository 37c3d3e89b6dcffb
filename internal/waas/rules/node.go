package rules

// NodeID is the index of a node in Nodes.
type NodeID uint8

// Node is one step in the tree of all chains of transformations: its text is its parent's text with Transform applied.
// Node 0 is the root, the value itself. Nodes are in depth-first order, a node's descendants follow it.
type Node struct {
	Transform Transform
	Parent    NodeID
	// End is the first node behind this one and all its descendants: the place to go on when they are pruned.
	End NodeID
	// Variables are those that some rule at this node or below starts with: for a value of another variable the
	// whole subtree is pruned.
	Variables VariableSet
	// Level is the lowest level of a rule at this node or below.
	Level Level
	// Rules are the indices in All of the rules whose first condition tests this node's text. One with MultiMatch
	// stands at every node of its chain.
	Rules []uint16
}

// Nodes returns the tree of chains of transformations.
func Nodes() []Node { return nodes }

// Path returns the chain's transformations in the order in which they are applied.
func Path(id NodeID) []Transform {
	if id == 0 {
		return nil
	}
	return append(Path(nodes[id].Parent), nodes[id].Transform)
}
