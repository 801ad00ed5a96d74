// Command readme writes the chart's README.md: what stands above the table of
// values is kept, the table is made of values.yaml and its comments. With
// -check it only says whether that is so already.
//
// A value's description is the comment above it that begins with "--". A map
// with a description, or with nothing in it, is one row; any other map is as
// many rows as it has values.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// heading begins the part that is written.
const heading = "## Values\n"

func main() {
	dir := flag.String("chart", "helm/teleport-plugin-slack", "the chart's folder")
	check := flag.Bool("check", false, "only say whether it is up to date")
	flag.Parse()
	if err := run(*dir, *check); err != nil {
		fmt.Fprintln(os.Stderr, "readme:", err)
		os.Exit(1)
	}
}

func run(dir string, check bool) error {
	path := filepath.Join(dir, "README.md")
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	above, _, ok := strings.Cut(string(old), heading)
	if !ok {
		return fmt.Errorf("%s has no line %q", path, strings.TrimSpace(heading))
	}
	values, err := os.ReadFile(filepath.Join(dir, "values.yaml"))
	if err != nil {
		return err
	}
	table, err := tableOf(values)
	if err != nil {
		return err
	}
	text := []byte(above + heading + "\n" + table)
	switch {
	case bytes.Equal(old, text):
		return nil
	case check:
		return errors.New(path + " is not what values.yaml says; make helm-readme")
	}
	return os.WriteFile(path, text, 0o644)
}

// tableOf returns the table of values.
func tableOf(values []byte) (string, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(values, &doc); err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("| value | default | meaning |\n| --- | --- | --- |\n")
	if err := rows(&b, doc.Content[0], ""); err != nil {
		return "", err
	}
	return b.String(), nil
}

func rows(b *strings.Builder, m *yaml.Node, prefix string) error {
	for i := 0; i+1 < len(m.Content); i += 2 {
		key, value := m.Content[i], m.Content[i+1]
		name, about := prefix+key.Value, description(key.HeadComment)
		if value.Kind == yaml.MappingNode && len(value.Content) > 0 && about == "" {
			if err := rows(b, value, name+"."); err != nil {
				return err
			}
			continue
		}
		shown, err := inline(value)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(b, "| `%s` | `%s` | %s |\n", name, shown, about)
	}
	return nil
}

// description returns what follows "--" in a comment, on one line.
func description(comment string) string {
	var words []string
	begun := false
	for line := range strings.Lines(comment) {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "#"))
		if text, ok := strings.CutPrefix(line, "--"); ok {
			begun, line, words = true, strings.TrimSpace(text), nil
		}
		if begun {
			words = append(words, line)
		}
	}
	return strings.ReplaceAll(strings.Join(words, " "), "|", `\|`)
}

// inline returns a value on one line.
func inline(value *yaml.Node) (string, error) {
	flat := *value
	flat.Style = yaml.FlowStyle
	flatten(&flat)
	text, err := yaml.Marshal(&flat)
	if err != nil {
		return "", err
	}
	return strings.Join(strings.Fields(string(text)), " "), nil
}

// flatten takes comments and layout off a node.
func flatten(n *yaml.Node) {
	n.HeadComment, n.LineComment, n.FootComment = "", "", ""
	if n.Kind != yaml.ScalarNode {
		n.Style = yaml.FlowStyle
	}
	for _, c := range n.Content {
		flatten(c)
	}
}
