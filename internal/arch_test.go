package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/teleport-slack/teleport-slack/"

// The layers, from the outside in. A package imports from its own layer only
// what its row allows, and from the layers below.
var layers = map[string]struct {
	may []string // packages of this module
	not []string // foreign packages, by prefix
}{
	"access":  {},
	"fault":   {},
	"logkey":  {},
	"queue":   {},
	"quiet":   {},
	"wait":    {},
	"logonce": {may: []string{"fault", "logkey"}},
	"people":  {may: []string{"access", "fault"}},
	"route":   {may: []string{"access", "fault", "rule"}},
	"rule":    {may: []string{"access", "fault"}},
	"record":  {may: []string{"access", "fault"}},
	"message": {may: []string{"access", "message/template"}},

	"message/template": {},

	"manifest": {},

	"check":     {may: []string{"wait", "logonce", "access", "fault", "logkey", "manifest", "route"}, not: []string{"github.com/gravitational", "github.com/slack-go", "net/http"}},
	"outbox":    {may: []string{"access", "fault", "logkey", "message", "record"}, not: []string{"github.com/gravitational", "net/http"}},
	"recipient": {may: []string{"logonce", "people", "access", "fault", "logkey", "route", "rule", "record"}, not: []string{"github.com/gravitational", "net/http"}},
	"notify":    {may: []string{"wait", "logonce", "outbox", "quiet", "recipient", "access", "fault", "logkey", "queue", "route", "rule", "record", "message", "message/template"}, not: []string{"github.com/gravitational", "net/http"}},
	"review":    {may: []string{"wait", "logonce", "access", "fault", "logkey", "record", "message"}, not: []string{"github.com/gravitational", "net/http"}},
	"reminder":  {may: []string{"wait", "logonce", "outbox", "people", "quiet", "access", "fault", "logkey", "queue", "route", "record", "message"}, not: []string{"github.com/gravitational", "net/http"}},

	"slack/ratelimit": {may: []string{"fault"}, not: []string{"github.com/gravitational", "github.com/slack-go", "net/http"}},

	"slack/socketmode": {may: []string{"wait", "logonce", "fault", "logkey", "slack"}, not: []string{"github.com/gravitational", "github.com/slack-go"}},

	"slack":    {may: []string{"wait", "logonce", "access", "fault", "logkey", "message", "slack/ratelimit"}, not: []string{"github.com/gravitational"}},
	"teleport": {may: []string{"wait", "logonce", "access", "fault", "logkey", "rule"}, not: []string{"github.com/slack-go"}},

	"slacktest":    {not: []string{"github.com/slack-go", "github.com/gravitational", "testing"}},
	"teleporttest": {not: []string{"github.com/slack-go", "testing"}},
}

// pure packages compute and touch nothing outside.
var pure = []string{"access", "fault", "quiet", "route", "rule", "record", "message", "message/template", "manifest"}

// outside are the ways to the outside.
var outside = []string{"os", "net", "net/http", "syscall", "log/slog", "io/fs"}

// TestImportsGoInward holds the layout: who may know whom.
func TestImportsGoInward(t *testing.T) {
	for _, pkg := range packages(t) {
		rule, layered := layers[pkg.name]
		if !layered {
			continue
		}
		for _, imported := range pkg.imports {
			if own, ok := strings.CutPrefix(imported, module+"internal/"); ok && !slices.Contains(rule.may, own) {
				t.Errorf("%s imports %s: its layer is to work without", pkg.name, own)
			}
			for _, prefix := range rule.not {
				if imported == prefix || strings.HasPrefix(imported, prefix+"/") {
					t.Errorf("%s imports %s, which is for the adapters", pkg.name, imported)
				}
			}
			if slices.Contains(pure, pkg.name) && slices.Contains(outside, imported) {
				t.Errorf("%s imports %s: it only computes", pkg.name, imported)
			}
		}
	}
}

// TestOnlyAppKnowsBothAdapters keeps the composition in one place. The demo
// watches its own Teleport through an adapter and is allowed that one.
func TestOnlyAppKnowsBothAdapters(t *testing.T) {
	for _, pkg := range packages(t) {
		knowsSlack := slices.Contains(pkg.imports, module+"internal/slack") || slices.Contains(pkg.imports, module+"internal/slack/socketmode")
		knowsTeleport := slices.Contains(pkg.imports, module+"internal/teleport")
		if knowsSlack && knowsTeleport && pkg.name != "app" {
			t.Errorf("%s knows both adapters", pkg.name)
		}
	}
}

// TestOnlyTelemetryKnowsPrometheus: everybody else has a small interface to
// tell, so that what counts can be exchanged, and left out in tests.
func TestOnlyTelemetryKnowsPrometheus(t *testing.T) {
	known := false
	for _, pkg := range packages(t) {
		knows := slices.ContainsFunc(pkg.imports, func(i string) bool { return strings.HasPrefix(i, "github.com/prometheus/") })
		known = known || knows
		if knows && pkg.name != "telemetry" {
			t.Errorf("%s knows Prometheus", pkg.name)
		}
	}
	if !known {
		t.Error("nobody knows Prometheus")
	}
}

// TestEveryPackageSaysWhatItIs: one package comment each, and a real one.
func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, pkg := range packages(t) {
		switch {
		case len(pkg.comments) != 1:
			t.Errorf("%s has %d package comments, want one", pkg.name, len(pkg.comments))
		case !strings.HasPrefix(pkg.comments[0], "Package "+path.Base(pkg.name)+" "):
			t.Errorf("%s: its comment begins %.40q", pkg.name, pkg.comments[0])
		}
	}
}

type pkg struct {
	name     string // folder below internal/
	imports  []string
	comments []string
}

// packages reads the packages below internal/, without their tests.
func packages(t *testing.T) []pkg {
	t.Helper()
	var pkgs []pkg
	err := filepath.WalkDir(".", func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || dir == "." {
			return err
		}
		if d.Name() == "testdata" {
			return fs.SkipDir
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			return err
		}
		p := pkg{name: filepath.ToSlash(dir)}
		any := false
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			any = true
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly|parser.ParseComments)
			if err != nil {
				return err
			}
			p.add(f)
		}
		if any {
			pkgs = append(pkgs, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(pkgs) < 10 {
		t.Fatalf("only %d packages found", len(pkgs))
	}
	return pkgs
}

func (p *pkg) add(f *ast.File) {
	if f.Doc != nil {
		p.comments = append(p.comments, f.Doc.Text())
	}
	for _, spec := range f.Imports {
		if name, err := strconv.Unquote(spec.Path.Value); err == nil && !slices.Contains(p.imports, name) {
			p.imports = append(p.imports, name)
		}
	}
}

// TestLargeTypesSayWhy: a struct with more than a dozen fields says in its
// comment what its fields are.
func TestLargeTypesSayWhy(t *testing.T) {
	large := 0
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			decl, ok := n.(*ast.GenDecl)
			if !ok || decl.Tok != token.TYPE {
				return true
			}
			for _, s := range decl.Specs {
				spec, ok := s.(*ast.TypeSpec)
				if !ok || fieldsOf(spec) <= 12 {
					continue
				}
				large++
				if !strings.Contains(decl.Doc.Text()+spec.Doc.Text(), "fields") {
					t.Errorf("%s: %s has %d fields, and its comment does not say what its fields are", file, spec.Name, fieldsOf(spec))
				}
			}
			return true
		})
		return nil
	})
	if err != nil || large == 0 {
		t.Fatalf("%d large types found, %v", large, err)
	}
}

// fieldsOf returns how many fields a type has; 0 if it is no struct.
func fieldsOf(spec *ast.TypeSpec) (n int) {
	st, ok := spec.Type.(*ast.StructType)
	if !ok {
		return 0
	}
	for _, field := range st.Fields.List {
		n += max(1, len(field.Names)) // an embedded one has no name
	}
	return n
}
