package expression

import (
	"strings"

	"github.com/autodefend/autodefend"
)

// The limits of an expression.
const (
	// MaxBytes bounds the text.
	MaxBytes = 4096
	// MaxNodes bounds the comparisons, functions and operators.
	MaxNodes = 200
	// MaxDepth bounds how deep parentheses and functions stand in each other.
	MaxDepth = 32
	// MaxPatterns bounds the regular expressions, each of which has the limits of package policy.
	MaxPatterns = 16
)

// Expression is a compiled expression. It is immutable and safe for concurrent use.
type Expression struct{ root node }

// Compile reads an expression. Its error is an [autodefend.Error] of code invalid that names the column in bytes from 1.
func Compile(text string) (*Expression, error) {
	if len(text) > MaxBytes {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "the expression has %d bytes, and may have %d", len(text), MaxBytes)
	}
	p := parser{lexer: lexer{text: text}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	root, err := p.disjunction()
	if err != nil {
		return nil, err
	}
	if p.token.kind != end {
		return nil, mistake(p.token.at, "conditions are joined by and, or", "%s after what is a whole expression", p.token)
	}
	return &Expression{root}, nil
}

// Check tells whether a text is an expression. It's what package policy asks of expressions in rules.
func Check(text string) error {
	_, err := Compile(text)
	return err
}

// parser reads tokens by recursive descent.
type parser struct {
	lexer    lexer
	token    token // the next one
	nodes    int
	depth    int
	patterns int
}

func (p *parser) advance() error {
	t, err := p.lexer.next()
	p.token = t
	return err
}

// is tells whether the next token is a sign or a keyword. Keywords may have capitals.
func (p *parser) is(text string) bool {
	return p.token.kind == sign && p.token.text == text || p.token.kind == word && strings.EqualFold(p.token.text, text)
}

// accept takes a sign or a keyword if it's next.
func (p *parser) accept(text string) (bool, error) {
	if !p.is(text) {
		return false, nil
	}
	return true, p.advance()
}

// expect takes a sign that must be next.
func (p *parser) expect(text string) error {
	if !p.is(text) {
		return mistake(p.token.at, "", "want %s, have %s", text, p.token)
	}
	return p.advance()
}

// count counts a node.
func (p *parser) count() error {
	if p.nodes++; p.nodes > MaxNodes {
		return mistake(p.token.at, "make several rules of it", "the expression has more than %d parts", MaxNodes)
	}
	return nil
}

// deeper counts a step down; the caller takes it back.
func (p *parser) deeper() error {
	if p.depth++; p.depth > MaxDepth {
		return mistake(p.token.at, "", "parentheses stand in each other more than %d deep", MaxDepth)
	}
	return p.count()
}

func (p *parser) disjunction() (node, error) {
	nodes, err := p.joined("or", p.conjunction)
	if err != nil || len(nodes) == 1 {
		return first(nodes), err
	}
	return or{nodes}, nil
}

func (p *parser) conjunction() (node, error) {
	nodes, err := p.joined("and", p.condition)
	if err != nil || len(nodes) == 1 {
		return first(nodes), err
	}
	return and{nodes}, nil
}

func first(nodes []node) node {
	if len(nodes) == 0 {
		return nil
	}
	return nodes[0]
}

// joined reads parts with a keyword between them.
func (p *parser) joined(keyword string, part func() (node, error)) ([]node, error) {
	var nodes []node
	for {
		n, err := part()
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
		if more, err := p.accept(keyword); err != nil || !more {
			return nodes, err
		}
	}
}

// condition reads a comparison, one in parentheses, or the opposite of one.
func (p *parser) condition() (node, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	if negated, err := p.accept("not"); err != nil {
		return nil, err
	} else if negated {
		n, err := p.condition()
		return not{n}, err
	}
	open, err := p.accept("(")
	if err != nil {
		return nil, err
	}
	if !open {
		return p.comparison()
	}
	n, err := p.disjunction()
	if err != nil {
		return nil, err
	}
	return n, p.expect(")")
}
