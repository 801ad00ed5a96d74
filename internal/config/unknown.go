package config

import (
	"fmt"
	"slices"
	"strings"
)

// unknownKeys reports the keys of the file that were not read. An unknown table is
// reported once, not key by key.
func (r *reader) unknownKeys() (unknown, strict []found) {
	for _, s := range r.sections {
		if s.table == nil || s.taken == nil {
			continue
		}
		for _, e := range s.table.entries {
			if s.taken[e.name] {
				continue
			}
			what := "unknown key"
			if e.val.table != nil {
				what = "unknown table"
			}
			f := r.found(field{key: s.path(e.name), at: e.at}, r.suggest(s, e), "%s", what)
			if s.strict {
				strict = append(strict, f)
			} else {
				unknown = append(unknown, f)
			}
		}
	}
	return unknown, strict
}

// suggest returns what an unknown key was probably meant to be: a misspelt key of
// this table, or a key of another one.
func (r *reader) suggest(s *section, e entry) string {
	if name, ok := nearest(e.name, s.known); ok {
		return fmt.Sprintf("did you mean %s?", s.path(name))
	}
	for _, other := range r.sections {
		if other == s || e.val.table != nil {
			continue
		}
		if name, ok := nearest(e.name, other.known); ok && other.name == "" {
			return fmt.Sprintf("%s is a table of its own: [%s]", name, name)
		} else if ok {
			return fmt.Sprintf("did you mean %s, which belongs under [%s]?", name, other.name)
		}
	}
	if len(s.known) == 0 {
		return ""
	}
	known := slices.Sorted(slices.Values(s.known))
	if s.name == "" {
		return "the tables are " + strings.Join(known, ", ")
	}
	return fmt.Sprintf("the keys of [%s] are %s", s.name, strings.Join(known, ", "))
}

// nearest returns the name closest to what was written, with at most a third of
// its letters changed.
func nearest(written string, names []string) (string, bool) {
	fold := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "-", "_")) }
	best, bestDistance := "", 0
	if len(written) > 64 { // longer than every key: not a slip, and the distance is quadratic
		return "", false
	}
	for _, name := range names {
		d := distance(fold(written), fold(name))
		if d <= max(1, len(name)/3) && (best == "" || d < bestDistance) {
			best, bestDistance = name, d
		}
	}
	return best, best != ""
}

// distance counts insertions, deletions, changes and swaps of neighbours
// between two strings (optimal string alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
