package teleporttest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"

	"github.com/gravitational/teleport/api/types"
	"github.com/gravitational/trace"
)

// maxPredicateLen bounds the expression and with it the depth of its
// evaluation, in bytes. A thousand names by UUID take 70 KB.
const maxPredicateLen = 256 << 10

// predicate is a filter of resources, in the small part of Teleport's language
// that clients compose by themselves: name, resource.metadata.name,
// resource.spec.hostname, resource.kind, labels["x"] and literals, with ==, !=,
// !, && and ||. The language looks like Go's expressions, so Go's parser reads it.
type predicate struct {
	expr ast.Expr // nil matches everything
}

func parsePredicate(text string) (predicate, error) {
	if text == "" {
		return predicate{}, nil
	}
	if len(text) > maxPredicateLen {
		return predicate{}, trace.LimitExceeded("predicate expression is longer than %d bytes", maxPredicateLen)
	}
	expr, err := parser.ParseExpr(text)
	if err != nil {
		return predicate{}, trace.BadParameter("failed to parse predicate expression: %v", err)
	}
	return predicate{expr: expr}, nil
}

func (p predicate) matches(r types.ResourceWithLabels) (bool, error) {
	if p.expr == nil {
		return true, nil
	}
	return condition(p.expr, r)
}

func condition(e ast.Expr, r types.ResourceWithLabels) (bool, error) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return condition(e.X, r)
	case *ast.UnaryExpr:
		if e.Op != token.NOT {
			break
		}
		ok, err := condition(e.X, r)
		return !ok, err
	case *ast.BinaryExpr:
		switch e.Op {
		case token.LAND, token.LOR:
			ok, err := condition(e.X, r)
			if err != nil || ok == (e.Op == token.LOR) {
				return ok, err
			}
			return condition(e.Y, r)
		case token.EQL, token.NEQ:
			x, err := value(e.X, r)
			if err != nil {
				return false, err
			}
			y, err := value(e.Y, r)
			return (x == y) == (e.Op == token.EQL), err
		}
	}
	return false, trace.BadParameter("unsupported predicate expression")
}

func value(e ast.Expr, r types.ResourceWithLabels) (string, error) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			return strconv.Unquote(e.Value)
		}
	case *ast.IndexExpr:
		if !isLabels(e.X) {
			break
		}
		key, err := value(e.Index, r)
		if err != nil {
			return "", err
		}
		v, _ := r.GetLabel(key)
		return v, nil
	case *ast.SelectorExpr:
		if isLabels(e.X) {
			v, _ := r.GetLabel(e.Sel.Name)
			return v, nil
		}
	}
	switch path(e) {
	case "name", "resource.metadata.name":
		return r.GetName(), nil
	case "resource.kind":
		return r.GetKind(), nil
	case "resource.spec.hostname":
		if n, ok := r.(interface{ GetHostname() string }); ok {
			return n.GetHostname(), nil
		}
		return "", nil
	}
	return "", trace.BadParameter("unsupported predicate expression")
}

func isLabels(e ast.Expr) bool {
	p := path(e)
	return p == "labels" || p == "resource.metadata.labels"
}

// maxPath is the number of parts of the longest name in the language.
const maxPath = 4

// path returns a.b.c as text, or nothing where e is something else.
func path(e ast.Expr) string {
	var text string
	for range maxPath {
		switch x := e.(type) {
		case *ast.Ident:
			return x.Name + text
		case *ast.SelectorExpr:
			text = "." + x.Sel.Name + text
			e = x.X
		default:
			return ""
		}
	}
	return ""
}
