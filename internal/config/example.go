package config

import (
	_ "embed" // the example is a file, so that editors know it as TOML
	"slices"
)

//go:embed example.toml
var example string

// Example returns the commented file that "configure" prints. It names every
// key, and is valid once its placeholders are filled in.
func Example() []byte { return []byte(example) }

// Keys returns every key that the file may have, dotted and sorted; tables
// that hold keys of their own are not among them.
func Keys() []string {
	r := &reader{}
	r.read(&table{})
	var keys []string
	for _, s := range r.sections {
		for _, name := range s.known {
			isTable := func(other *section) bool { return other.name == s.path(name) }
			if !slices.ContainsFunc(r.sections, isTable) {
				keys = append(keys, s.path(name))
			}
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
