// Package docs_test keeps the documentation true: what it names exists, and
// what exists is named. Log messages, configuration keys, commands and flags
// are read from the program, links are followed, and every example is parsed
// by what would read it. It says nothing about how well any of it is written.
package docs_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/teleport-slack/teleport-slack/internal/app"
	"github.com/teleport-slack/teleport-slack/internal/cli"
	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/manifest"
	"github.com/teleport-slack/teleport-slack/internal/teleport"
)

// pages returns every page of the documentation, by its path from here.
func pages(t *testing.T) map[string]string {
	t.Helper()
	pages := map[string]string{}
	for _, pattern := range []string{"../*.md", "*.md", "decisions/*.md"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			pages[path] = read(t, path)
		}
	}
	for _, path := range []string{"../README.md", "guide.md", "guide.ko.md", "reference.md", "troubleshooting.md"} {
		if pages[path] == "" {
			t.Fatalf("%s is missing", path)
		}
	}
	return pages
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// part returns what stands under a heading of the reference, up to the next
// one of its level or above.
func part(t *testing.T, heading string) string {
	t.Helper()
	text := read(t, "reference.md")
	start := strings.Index(text, "\n"+heading+"\n")
	if start < 0 {
		t.Fatalf("reference.md has no heading %q", heading)
	}
	level, _, _ := strings.Cut(heading, " ")
	body := text[start+len(heading)+2:]
	if end := regexp.MustCompile(`(?m)^#{1,` + fmt.Sprint(len(level)) + `} `).FindStringIndex(body); end != nil {
		body = body[:end[0]]
	}
	return body
}

// rows returns the rows of a page's tables whose first cell is one `code`,
// by that code.
func rows(t *testing.T, text string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		name := strings.Trim(cells[0], "`")
		if found[name] != nil {
			t.Errorf("the reference has two rows for %s", name)
		}
		found[name] = cells[1:]
	}
	return found
}

func TestTheReferenceHasEveryLogLineAndNoOther(t *testing.T) {
	documented := rows(t, part(t, "## Log lines"))
	known := map[string]bool{}
	for _, l := range logLines(t) {
		if l.level == "debug" {
			continue
		}
		known[l.message] = true
		row, ok := documented[l.message]
		switch {
		case !ok:
			t.Errorf("%s logs %q, which reference.md does not explain", l.place, l.message)
		case l.level != "" && row[0] != l.level:
			t.Errorf("%s logs %q at %s, reference.md says %s", l.place, l.message, l.level, row[0])
		}
		for _, key := range l.attrs {
			if ok && !strings.Contains(row[1], "`"+key+"`") {
				t.Errorf("%s logs %q with %s, which reference.md does not say", l.place, l.message, key)
			}
		}
	}
	if len(known) < 30 {
		t.Errorf("only %d log lines found: %v", len(known), known)
	}
	for message := range documented {
		if !known[message] {
			t.Errorf("reference.md explains %q, which nothing logs", message)
		}
	}
}

// quotedMessage is a log line as a page quotes it.
var quotedMessage = regexp.MustCompile(`msg="([^"]+)"`)

func TestQuotedLogLinesExist(t *testing.T) {
	lines := logLines(t)
	for path, text := range pages(t) {
		for _, m := range quotedMessage.FindAllStringSubmatch(text, -1) {
			if !slices.ContainsFunc(lines, func(l logLine) bool { return strings.HasPrefix(m[1], l.message) }) {
				t.Errorf("%s quotes the log line %q, which nothing logs", path, m[1])
			}
		}
	}
}

func TestTheReferenceHasEveryKeyAndNoOther(t *testing.T) {
	documented := map[string]bool{}
	for _, section := range []string{"teleport", "slack", "routing", "messages", "messages.templates", "reminders", "review", "log", "http"} {
		for name := range rows(t, part(t, "### `["+section+"]`")) {
			documented[section+"."+name] = true
		}
	}
	part(t, "### `[role_to_recipients]`") // its keys are roles
	documented["role_to_recipients"] = true
	for _, key := range config.Keys() {
		if !documented[key] {
			t.Errorf("reference.md does not explain the key %s", key)
		}
		delete(documented, key)
	}
	for key := range documented {
		t.Errorf("reference.md explains the key %s, which nothing reads", key)
	}
}

// The scopes and what is tried of Teleport are tables of the program.
func TestTheReferenceHasEveryScopeAndRight(t *testing.T) {
	inCells := func(text string) []string {
		var names []string
		for cells := range rows(t, text) { // "`a`, `b`" without the outer quotes
			for _, name := range strings.Split(cells, "`, `") {
				name, _, _ = strings.Cut(name, "`") // "`a`: list, read"
				names = append(names, name)
			}
		}
		return names
	}
	scopes := inCells(part(t, "## Slack scopes"))
	known := []string{manifest.PublicScope, manifest.AppScope, "incoming-webhook"} // not asked for, the app's, not used
	for _, s := range manifest.Scopes() {
		known = append(known, s.Name)
	}
	slices.Sort(scopes)
	slices.Sort(known)
	if diff := cmp.Diff(known, scopes); diff != "" {
		t.Errorf("scopes of the table (-) and of reference.md (+):\n%s", diff)
	}
	rights := inCells(part(t, "## Teleport rights"))
	for _, r := range teleport.Rights(true) {
		if !slices.Contains(rights, r.Kind) {
			t.Errorf("reference.md does not explain the right to %s %s", r.Verbs, r.Kind)
		}
	}
}

// The names that check prints are the first column of its table.
func TestTheReferenceHasEveryCheck(t *testing.T) {
	text := part(t, "### `teleport-slack check`")
	documented := rows(t, text)
	path := filepath.Join(t.TempDir(), "c.toml")
	if err := os.WriteFile(path, []byte("[review]\nenabled = true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, f := range app.Check(t.Context(), app.CheckOptions{Path: path, SendTest: "x", Timeout: time.Second}) {
		names[f.Name] = true
		if documented[f.Name] == nil {
			t.Errorf("reference.md does not explain the check %q", f.Name)
		}
	}
	for name := range documented {
		if !strings.HasPrefix(name, "--") && !names[name] {
			t.Errorf("reference.md explains the check %q, which is not made", name)
		}
	}
}

// help runs the program with --help and returns what it prints.
func help(t *testing.T, args ...string) string {
	t.Helper()
	var out, errors bytes.Buffer
	if code := cli.Main(context.Background(), cli.Options{Args: append(args, "--help"), Stdout: &out, Stderr: &errors}); code != 0 {
		t.Fatalf("teleport-slack %s --help: exit %d: %s", strings.Join(args, " "), code, errors.String())
	}
	return out.String()
}

var (
	commandLine = regexp.MustCompile(`(?m)^  ([a-z]+) +[a-z]`)
	flagLine    = regexp.MustCompile(`(?m)^ +(?:-[a-z], )?(--[a-z-]+)`)
)

// listed returns what a block of a help text lists.
func listed(text, block string, line *regexp.Regexp) []string {
	_, rest, ok := strings.Cut(text, "\n"+block+":\n")
	if !ok {
		return nil
	}
	rest, _, _ = strings.Cut(rest, "\n\n")
	var names []string
	for _, m := range line.FindAllStringSubmatch(rest, -1) {
		names = append(names, m[1])
	}
	return names
}

func TestTheReferenceHasEveryCommandAndFlagAndNoOther(t *testing.T) {
	section := part(t, "## Commands")
	commands := listed(help(t), "commands", commandLine)
	if len(commands) < 5 {
		t.Fatalf("the help lists the commands %q", commands)
	}
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^### `teleport-slack ([a-z]+)").FindAllStringSubmatch(section, -1) {
		documented = append(documented, m[1])
	}
	slices.Sort(commands)
	slices.Sort(documented)
	if diff := cmp.Diff(commands, documented); diff != "" {
		t.Fatalf("commands that exist (-) and that reference.md explains (+):\n%s", diff)
	}
	for _, command := range commands {
		_, body, _ := strings.Cut(section, "### `teleport-slack "+command)
		body, _, _ = strings.Cut(body, "\n### ")
		var has []string
		for name := range rows(t, body) {
			if !strings.HasPrefix(name, "-") { // another table
				continue
			}
			has = append(has, strings.Fields(strings.NewReplacer("`", "", ",", "").Replace(name))[0])
		}
		want := slices.DeleteFunc(listed(help(t, command), "flags", flagLine), func(f string) bool { return f == "--help" })
		slices.Sort(has)
		slices.Sort(want)
		if diff := cmp.Diff(want, has, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("flags of %s that exist (-) and that reference.md explains (+):\n%s", command, diff)
		}
	}
}

var (
	link    = regexp.MustCompile(`(?:\]\(|src=")([^)"\s]+)[)"]`)
	heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	fence   = regexp.MustCompile("(?ms)^ *```([a-z]*)\n(.*?\n) *```$")
)

func TestLinksLeadSomewhere(t *testing.T) {
	for path, text := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, anchor, _ := strings.Cut(m[1], "#")
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", path, m[1], err)
				continue
			}
			if anchor != "" && !slices.Contains(anchors(read(t, target)), anchor) {
				t.Errorf("%s links to %s, which has no such heading", path, m[1])
			}
		}
	}
}

// anchors returns the names that GitHub gives to a page's headings.
func anchors(text string) []string {
	var names []string
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		name := strings.Map(func(r rune) rune {
			switch {
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			case r == ' ':
				return '-'
			}
			return -1
		}, m[1])
		names = append(names, name)
	}
	return names
}

// The two guides tell the same: the same steps, and the same commands but for
// their comments.
func TestTheGuidesAreOne(t *testing.T) {
	if diff := cmp.Diff(shape(read(t, "guide.md")), shape(read(t, "guide.ko.md"))); diff != "" {
		t.Errorf("headings and code, English (-) and Korean (+):\n%s", diff)
	}
}

// comment is a comment of its own line, or behind two spaces.
var comment = regexp.MustCompile(`(^| {2,})#.*`)

// shape returns the levels of a page's headings and the lines of its code.
func shape(text string) (shape []string) {
	inCode := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		isFence := strings.HasPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence:
			inCode = !inCode
			shape = append(shape, line)
		case inCode:
			shape = append(shape, comment.ReplaceAllString(line, "#"))
		case strings.HasPrefix(line, "#"):
			level, _, _ := strings.Cut(line, " ")
			shape = append(shape, level)
		}
	}
	return shape
}
