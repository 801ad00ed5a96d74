package template

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/template/parse"
	"unicode"
)

// checker walks a parsed template: it refuses what is not allowed, makes
// literal text safe, and inserts the calls that escape and count.
type checker struct {
	slot Slot
	err  *Error // the first
}

func (c *checker) fail(at int, do, what string, args ...any) {
	if c.err == nil {
		c.err = &Error{Name: c.slot.Name, Offset: at, What: fmt.Sprintf(what, args...), Do: do}
	}
}

func (c *checker) list(l *parse.ListNode) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.TextNode:
			c.literal(n)
		case *parse.ActionNode:
			c.pipe(n.Pipe)
			if len(n.Pipe.Decl) == 0 {
				n.Pipe.Cmds = append(n.Pipe.Cmds, call("_show", n.Pos))
			}
		case *parse.IfNode:
			c.branch(n.BranchNode)
		case *parse.WithNode:
			c.branch(n.BranchNode)
		case *parse.RangeNode:
			c.branch(n.BranchNode)
			step := &parse.ActionNode{NodeType: parse.NodeAction, Pos: n.Pos, Line: n.Line, Pipe: &parse.PipeNode{
				NodeType: parse.NodePipe, Pos: n.Pos, Line: n.Line, Cmds: []*parse.CommandNode{call("_step", n.Pos)},
			}}
			n.List.Nodes = append([]parse.Node{step}, n.List.Nodes...)
		case *parse.BreakNode, *parse.ContinueNode, *parse.CommentNode:
		default:
			c.fail(int(n.Position()), "write it in one piece", "uses another template, which none may")
		}
	}
}

// call is a command that calls a function, as html/template makes them.
func call(name string, at parse.Pos) *parse.CommandNode {
	return &parse.CommandNode{NodeType: parse.NodeCommand, Pos: at,
		Args: []parse.Node{parse.NewIdentifier(name).SetTree(nil).SetPos(at)}}
}

func (c *checker) branch(b parse.BranchNode) {
	c.pipe(b.Pipe)
	c.list(b.List)
	c.list(b.ElseList)
}

// builtins are the functions of text/template that a template may call. The
// others format or escape in ways of their own, or call what they are given.
var builtins = []string{"and", "eq", "ge", "gt", "index", "le", "len", "lt", "ne", "not", "or"}

func (c *checker) pipe(p *parse.PipeNode) {
	if p == nil {
		return
	}
	for _, cmd := range p.Cmds {
		for _, arg := range cmd.Args {
			c.arg(arg)
		}
	}
}

func (c *checker) arg(n parse.Node) {
	switch n := n.(type) {
	case *parse.PipeNode:
		c.pipe(n)
	case *parse.ChainNode:
		c.arg(n.Node)
	case *parse.IdentifierNode:
		known := functionNames(c.slot)
		if !slices.Contains(known, n.Ident) {
			c.fail(int(n.Pos), "the functions are "+strings.Join(known, ", "), "function %q is not for templates", n.Ident)
		}
	}
}

// token is a link or a mention as Slack writes it. Dates need the function,
// since their fallback has to be true.
var token = regexp.MustCompile(`^<(?:@[UW][A-Z0-9]{2,}|#C[A-Z0-9]{2,}|!subteam\^S[A-Z0-9]{2,}|!(?:here|channel|everyone)|` +
	"(?:https?|teleport)://[^\\s<>|`\"*\\\\]+(?:\\|[^<>|&`\\n]+)?)>")

// tokenStart is what looks as if it was meant to be one.
var tokenStart = regexp.MustCompile(`^<(?:[@#!]|[a-z]+:)`)

var entity = regexp.MustCompile(`^&(?:amp|lt|gt);`)

// literal makes the operator's own text safe: whole links and mentions stay,
// and what is left of Slack's control characters is escaped. Code has to end
// where it began, so that no value can come to stand in it.
func (c *checker) literal(n *parse.TextNode) {
	s, at := string(n.Text), int(n.Pos)
	for i, r := range s {
		if r != '\n' && r != '\t' && r != '\r' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			c.fail(at+i, "remove it", "has the invisible character %U", r)
			return
		}
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	if c.slot.URL {
		n.Text = []byte(s)
		return
	}
	if left, closed := OutsideCode(s); !closed || strings.Contains(left, "`") || strings.Contains(s, "``") && !strings.Contains(s, "```") {
		c.fail(at+max(strings.IndexByte(s, '`'), 0), "use {{code .User}} or {{codeblock .Reason}} for values", "has a back-tick whose code does not end in the same piece of text")
		return
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		switch s[i] {
		case '&':
			if e := entity.FindString(s[i:]); e != "" {
				b.WriteString(e)
				i += len(e)
				continue
			}
			b.WriteString("&amp;")
		case '<':
			if t := token.FindString(s[i:]); t != "" {
				b.WriteString(strings.ReplaceAll(strings.ReplaceAll(t, "&amp;", "&"), "&", "&amp;"))
				i += len(t)
				continue
			}
			if tokenStart.MatchString(s[i:]) {
				c.fail(at+i, `for a link to a value use {{link .URL "text"}}, for a date {{date .Expires}}`, "begins a link or a mention that is not whole")
				return
			}
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '\r':
		default:
			b.WriteByte(s[i])
		}
		i++
	}
	n.Text = []byte(b.String())
}

// OutsideCode reads s as Slack does, fences before single back-ticks, and
// returns what is not code and whether all code ended.
func OutsideCode(s string) (string, bool) {
	var b strings.Builder
	for s != "" {
		mark := "```"
		i := strings.IndexByte(s, '`')
		if i < 0 {
			b.WriteString(s)
			break
		}
		if !strings.HasPrefix(s[i:], mark) {
			mark = "`"
		}
		b.WriteString(s[:i])
		s = s[i+len(mark):]
		end := strings.Index(s, mark)
		if end < 0 || mark == "`" && strings.Contains(s[:end], "\n") {
			return "", false
		}
		s = s[end+len(mark):]
	}
	return b.String(), true
}
