package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// logLine is a message that the program logs.
type logLine struct {
	message string   // up to its first variable part
	attrs   []string // those that stand beside the message
	level   string   // debug, info, warn or error; empty where the code decides it as it runs
	place   string   // file:line
}

// logLines returns what the program says in its log, read from its source.
// A message is a constant where it is logged, or reaches the logger through a
// parameter or a field of its own package; then the constant stands where the
// function is called or the struct is made. Anything else is a mistake, since
// nobody could search for such a message.
func logLines(t *testing.T) []logLine {
	t.Helper()
	dirs := map[string][]string{}
	for _, root := range []string{"../cmd", "../internal"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && slices.Contains([]string{"testdata", "slacktest", "teleporttest"}, d.Name()):
				return fs.SkipDir
			case strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"):
				dirs[filepath.Dir(path)] = append(dirs[filepath.Dir(path)], path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	keys := &source{t: t, fset: token.NewFileSet(), consts: map[string]string{}}
	keys.parse(dirs[filepath.Join("..", "internal", "logkey")])
	var lines []logLine
	for _, files := range dirs {
		s := &source{t: t, shared: keys.consts, fset: token.NewFileSet(), consts: map[string]string{}, helpers: map[helper]string{}, fields: map[string]string{}}
		s.parse(files)
		lines = append(lines, s.lines()...)
	}
	slices.SortFunc(lines, func(a, b logLine) int { return strings.Compare(a.message+a.place, b.message+b.place) })
	return lines
}

// source is one package.
type source struct {
	t       *testing.T
	fset    *token.FileSet
	files   []*ast.File
	consts  map[string]string // string constants
	shared  map[string]string // those of package logkey
	helpers map[helper]string // functions that log one of their parameters → level
	fields  map[string]string // struct fields that are logged → level
	found   []logLine
}

type helper struct {
	name  string
	index int // of the parameter
}

func (s *source) parse(files []string) {
	s.t.Helper()
	for _, name := range files {
		f, err := parser.ParseFile(s.fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			s.t.Fatal(err)
		}
		s.files = append(s.files, f)
		ast.Inspect(f, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok && len(v.Names) == len(v.Values) {
				for i, name := range v.Names {
					if text, ok := stringOf(v.Values[i]); ok {
						s.consts[name.Name] = text
					}
				}
			}
			return true
		})
	}
}

// lines goes through the package until it finds no further way to the log.
func (s *source) lines() []logLine {
	for {
		before := len(s.helpers) + len(s.fields)
		s.found = nil
		for _, f := range s.files {
			for _, d := range f.Decls {
				s.look(d)
			}
		}
		if len(s.helpers)+len(s.fields) == before {
			return s.found
		}
	}
}

func (s *source) look(d ast.Decl) {
	within, _ := d.(*ast.FuncDecl)
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if i, level, ok := logged(n); ok {
				s.take(n.Args[i], level, within, s.attrs(n.Args[i+1:]))
			}
			for h, level := range s.helpers {
				if called(n) == h.name && len(n.Args) > h.index {
					s.take(n.Args[h.index], level, within, s.attrs(n.Args[h.index+1:]))
				}
			}
		case *ast.CompositeLit:
			s.literal(n, within)
		}
		return true
	})
}

// literal finds messages among the fields of a struct.
func (s *source) literal(n *ast.CompositeLit, within *ast.FuncDecl) {
	given := map[string]ast.Expr{}
	for _, e := range n.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok {
				given[key.Name] = kv.Value
			}
		}
	}
	for field, level := range s.fields {
		if v, ok := given[field]; ok {
			if level == "" {
				level = levelOf(given["level"])
			}
			s.take(v, level, within, nil)
		}
	}
}

// take notes a message, or through what it comes.
func (s *source) take(message ast.Expr, level string, within *ast.FuncDecl, attrs []string) {
	if text, ok := stringOf(message); ok {
		s.add(text, level, message, attrs)
		return
	}
	switch m := message.(type) {
	case *ast.Ident:
		if i := parameter(within, m.Name); i >= 0 {
			s.helpers[helper{within.Name.Name, i}] = level
			return
		}
		if text, ok := s.consts[m.Name]; ok {
			s.add(text, level, message, attrs)
			return
		}
	case *ast.SelectorExpr:
		s.fields[m.Sel.Name] = level
		return
	case *ast.CallExpr:
		if called(m) == "Sprintf" && len(m.Args) > 0 {
			if text, ok := stringOf(m.Args[0]); ok {
				text, _, _ = strings.Cut(text, "%")
				s.add(strings.TrimSpace(text), level, message, attrs)
				return
			}
		}
	}
	s.t.Errorf("%s: the log message is not constant", s.fset.Position(message.Pos()))
}

// attrs returns the keys among what follows a message: of slog's pairs, and of
// its attributes. What comes in a variable is not followed.
func (s *source) attrs(args []ast.Expr) (keys []string) {
	for i := 0; i < len(args); i++ {
		c, isCall := args[i].(*ast.CallExpr)
		switch {
		case isCall && called(c) == "append":
			keys = append(keys, s.attrs(c.Args[1:])...)
		case isCall && len(c.Args) == 2: // slog.String(key, …)
			if key, ok := s.key(c.Args[0]); ok {
				keys = append(keys, key)
			}
		default:
			if key, ok := s.key(args[i]); ok {
				keys = append(keys, key)
				i++ // its value
			}
		}
	}
	return keys
}

// key returns the name of an attribute: a constant of package logkey. A name
// that stands there in quotes is a mistake: the next one to log the same thing
// would call it something else.
func (s *source) key(e ast.Expr) (string, bool) {
	if sel, ok := e.(*ast.SelectorExpr); ok {
		key, ok := s.shared[sel.Sel.Name]
		x, isName := sel.X.(*ast.Ident)
		return key, ok && isName && x.Name == "logkey"
	}
	if key, ok := stringOf(e); ok {
		s.t.Errorf("%s: the attribute %q is no constant of package logkey", s.fset.Position(e.Pos()), key)
		return key, true
	}
	return "", false
}

func (s *source) add(text, level string, at ast.Node, attrs []string) {
	p := s.fset.Position(at.Pos())
	s.found = append(s.found, logLine{message: text, attrs: attrs, level: level, place: fmt.Sprintf("%s:%d", filepath.ToSlash(p.Filename), p.Line)})
}

// logged returns which argument of a call of a logger is the message.
func logged(c *ast.CallExpr) (message int, level string, ok bool) {
	f, isMethod := c.Fun.(*ast.SelectorExpr)
	switch { // logonce.Logger has these methods, whatever it is called
	case isMethod && f.Sel.Name == "Problem" && len(c.Args) >= 4:
		return 2, levelOf(c.Args[0]), true
	case isMethod && f.Sel.Name == "Recovered" && len(c.Args) >= 2:
		return 1, "info", true
	case !isMethod || !isLogger(f.X):
		return 0, "", false
	}
	name, context := strings.CutSuffix(f.Sel.Name, "Context")
	i := 0
	switch name {
	case "Debug", "Info", "Warn", "Error":
		level = strings.ToLower(name)
		if context {
			i = 1
		}
	case "Log", "LogAttrs":
		i = 2
		if len(c.Args) > 1 {
			level = levelOf(c.Args[1])
		}
	default:
		return 0, "", false
	}
	if len(c.Args) <= i {
		return 0, "", false
	}
	return i, level, true
}

// isLogger goes by the name, as there is one name for loggers in this project.
func isLogger(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return strings.EqualFold(e.Name, "log") || e.Name == "slog"
	case *ast.SelectorExpr:
		return isLogger(e.Sel)
	case *ast.CallExpr: // log.With(…)
		f, ok := e.Fun.(*ast.SelectorExpr)
		return ok && f.Sel.Name == "With" && isLogger(f.X)
	}
	return false
}

// called returns the name of the function or method that is called.
func called(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// levelOf reads slog.LevelWarn.
func levelOf(e ast.Expr) string {
	if sel, ok := e.(*ast.SelectorExpr); ok {
		if name, ok := strings.CutPrefix(sel.Sel.Name, "Level"); ok {
			return strings.ToLower(name)
		}
	}
	return ""
}

// parameter returns the index of the function's parameter, or -1.
func parameter(f *ast.FuncDecl, name string) int {
	if f == nil {
		return -1
	}
	i := 0
	for _, field := range f.Type.Params.List {
		for _, n := range field.Names {
			if n.Name == name {
				return i
			}
			i++
		}
	}
	return -1
}

// stringOf returns the value of a string literal, or of several with + between.
func stringOf(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		x, okX := stringOf(e.X)
		y, okY := stringOf(e.Y)
		return x + y, okX && okY && e.Op == token.ADD
	}
	return "", false
}
