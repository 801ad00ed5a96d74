package config

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// table is a TOML table with its order and positions.
type table struct {
	entries []entry
}

// entry is one key of a table.
type entry struct {
	name string
	at   int // offset of the key in the file
	val  value
}

// value is one TOML value.
type value struct {
	kind  unstable.Kind
	at    int    // offset in the file
	text  string // strings decoded, other scalars as written
	items []value
	table *table // for tables of every notation
}

// get returns the entry called name.
func (t *table) get(name string) *entry {
	for i := range t.entries {
		if t.entries[i].name == name {
			return &t.entries[i]
		}
	}
	return nil
}

// parseTree reads data. The error is a *toml.DecodeError where the place is
// known.
func parseTree(data []byte) (*table, error) {
	// The decoder knows what the parser does not: keys and tables given
	// twice, impossible dates and numbers. After it, the walk cannot fail.
	var check map[string]any
	if err := toml.Unmarshal(data, &check); err != nil {
		return nil, err
	}
	var p unstable.Parser
	p.Reset(data)
	root := &table{}
	current := root
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.KeyValue:
			setKeyValue(current, e)
		case unstable.Table:
			current = descend(root, e.Key(), false)
		case unstable.ArrayTable:
			current = descend(root, e.Key(), true)
		}
	}
	return root, p.Error()
}

// descend returns the table that a header names, making what is missing. For
// [[headers]] it begins a new table at the end of the array.
func descend(t *table, key unstable.Iterator, array bool) *table {
	for key.Next() {
		k := key.Node()
		name, at, last := string(k.Data), int(k.Raw.Offset), key.IsLast()
		e := t.get(name)
		if e == nil {
			t.entries = append(t.entries, entry{name: name, at: at, val: value{kind: unstable.Table, at: at}})
			e = &t.entries[len(t.entries)-1]
			if last && array {
				e.val.kind = unstable.Array
			} else {
				e.val.table = &table{}
			}
		}
		if last && array {
			e.val.items = append(e.val.items, value{kind: unstable.Table, at: at, table: &table{}})
		}
		switch {
		case e.val.table != nil:
			t = e.val.table
		case len(e.val.items) > 0 && e.val.items[len(e.val.items)-1].table != nil:
			t = e.val.items[len(e.val.items)-1].table
		default:
			t = &table{} // unreachable: the decoder refuses to extend a scalar
		}
	}
	return t
}

// setKeyValue puts a key, dotted or not, and its value into t.
func setKeyValue(t *table, e *unstable.Node) {
	key := e.Key()
	for key.Next() {
		k := key.Node()
		name, at := string(k.Data), int(k.Raw.Offset)
		if key.IsLast() {
			t.entries = append(t.entries, entry{name: name, at: at, val: readValue(e.Value(), at)})
			return
		}
		next := t.get(name)
		if next == nil {
			t.entries = append(t.entries, entry{name: name, at: at,
				val: value{kind: unstable.Table, at: at, table: &table{}}})
			next = &t.entries[len(t.entries)-1]
		}
		if next.val.table == nil {
			return // as in descend: refused earlier
		}
		t = next.val.table
	}
}

// readValue copies a value out of the parser's arena. The parser does not say
// where an array begins, so an array is where its key or first item is.
func readValue(n *unstable.Node, at int) value {
	v := value{kind: n.Kind, at: at}
	if n.Raw.Length > 0 {
		v.at = int(n.Raw.Offset)
	}
	children := n.Children()
	switch n.Kind {
	case unstable.Array:
		for children.Next() {
			v.items = append(v.items, readValue(children.Node(), at))
		}
	case unstable.InlineTable:
		v.table = &table{}
		for children.Next() {
			setKeyValue(v.table, children.Node())
		}
	default:
		v.text = string(n.Data)
	}
	return v
}

// describe names a value's type for people: "the integer 42". Strings and
// containers are named without their content.
func (v value) describe() string {
	switch v.kind {
	case unstable.String:
		return "a string"
	case unstable.Bool:
		return "the boolean " + clip(v.text)
	case unstable.Integer:
		return "the integer " + clip(v.text)
	case unstable.Float:
		return "the number " + clip(v.text)
	case unstable.Array:
		return "a list"
	case unstable.Table, unstable.InlineTable:
		return "a table"
	}
	return "the date or time " + clip(v.text)
}

// maxShownRunes bounds what of a value is repeated in a message, in characters.
const maxShownRunes = 80

// clip shortens s to maxShownRunes.
func clip(s string) string {
	if utf8.RuneCountInString(s) <= maxShownRunes {
		return s
	}
	return string([]rune(s)[:maxShownRunes-1]) + "…"
}

// quote shows a string value in a message.
func quote(s string) string { return fmt.Sprintf("%q", clip(s)) }

// lineColumn turns an offset into a line and a column, both from 1; columns
// count characters, as editors do.
func lineColumn(data []byte, offset int) (line, column int) {
	before := data[:min(max(offset, 0), len(data))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte{'\n'}) + 1, utf8.RuneCount(before[start:]) + 1
}

// syntaxOffset returns where the decoder stumbled.
func syntaxOffset(data []byte, err error) (offset int, ok bool) {
	var de *toml.DecodeError
	if !errors.As(err, &de) {
		return 0, false
	}
	line, column := de.Position() // columns in bytes
	for range line - 1 {
		i := bytes.IndexByte(data[offset:], '\n')
		if i < 0 {
			break
		}
		offset += i + 1
	}
	return min(offset+max(column-1, 0), len(data)), true
}
