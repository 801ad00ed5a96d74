package rule

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rfc3339 reads a time. One that stands in the condition itself was checked when
// the rule arrived.
func rfc3339(e *env, args []value) (v value, ok bool, wrong string) {
	if !e.spend(1 + len(args[0].string)) {
		return value{}, false, ""
	}
	t, err := time.Parse(time.RFC3339, args[0].string)
	if err != nil {
		return value{}, false, noTime(args[0].string)
	}
	return value{time: t}, true, ""
}

func checkTime(p *parser, args []expr) *Error {
	if s := args[0].quoted; s != nil {
		if _, err := time.Parse(time.RFC3339, *s); err != nil {
			return p.fail(args[0].pos, noTime(*s))
		}
	}
	return nil
}

func noTime(s string) string {
	return quote(s) + ` is not a time, expected one such as "2026-03-03T17:30:00Z"`
}

func isBefore(_ *env, args []value) (value, bool) {
	return value{bool: args[0].time.Before(args[1].time)}, true
}

func isAfter(_ *env, args []value) (value, bool) {
	return value{bool: args[0].time.After(args[1].time)}, true
}

// timeBetween reports whether the first time is strictly between the two others,
// whichever of them is the earlier one.
func timeBetween(_ *env, args []value) (value, bool) {
	t, from, to := args[0].time, args[1].time, args[2].time
	if to.Before(from) {
		from, to = to, from
	}
	return value{bool: from.Before(t) && t.Before(to)}, true
}

// byVersion makes a function of versions, which come as strings.
func byVersion(f func(versions []version) bool) func(*env, []value) (value, bool, string) {
	return func(e *env, args []value) (value, bool, string) {
		versions := make([]version, len(args))
		for i, a := range args {
			if !e.spend(1 + len(a.string)) {
				return value{}, false, ""
			}
			var ok bool
			if versions[i], ok = parseVersion(a.string); !ok {
				return value{}, false, noVersion(a.string)
			}
		}
		return value{bool: f(versions)}, true, ""
	}
}

func checkVersions(p *parser, args []expr) *Error {
	for _, x := range args {
		if x.quoted == nil {
			continue
		}
		if _, ok := parseVersion(*x.quoted); !ok {
			return p.fail(x.pos, noVersion(*x.quoted))
		}
	}
	return nil
}

func noVersion(s string) string { return quote(s) + ` is not a version, expected one such as "18.2.0"` }

func newerThan(v []version) bool { return v[0].compare(v[1]) > 0 }

func olderThan(v []version) bool { return v[0].compare(v[1]) < 0 }

// versionBetween includes the second version, and not the third.
func versionBetween(v []version) bool { return v[0].compare(v[1]) >= 0 && v[0].compare(v[2]) < 0 }

// version is a semantic version without its build part, which has no rank.
type version struct {
	core [3]uint64
	pre  []string // such as rc and 1; none for a release
}

// parseVersion reads a version such as 18.2.0 or v18.2.0-rc.1+build.
func parseVersion(s string) (v version, ok bool) {
	s, _, _ = strings.Cut(strings.TrimPrefix(s, "v"), "+")
	core, pre, hasPre := strings.Cut(s, "-")
	numbers := strings.Split(core, ".")
	if len(numbers) != len(v.core) {
		return version{}, false
	}
	for i, n := range numbers {
		var err error
		if v.core[i], err = strconv.ParseUint(n, 10, 64); err != nil {
			return version{}, false
		}
	}
	if hasPre {
		v.pre = strings.Split(pre, ".")
	}
	return v, !slices.Contains(v.pre, "")
}

// compare is negative if v is older than o. A version before a release is older
// than the release; of its parts numbers are older than words.
func (v version) compare(o version) int {
	switch {
	case v.core != o.core:
		return slices.Compare(v.core[:], o.core[:])
	case len(v.pre) == 0 || len(o.pre) == 0:
		return cmp.Compare(len(o.pre), len(v.pre))
	}
	return slices.CompareFunc(v.pre, o.pre, func(a, b string) int {
		x, errX := strconv.ParseUint(a, 10, 64)
		y, errY := strconv.ParseUint(b, 10, 64)
		switch {
		case errX == nil && errY == nil:
			return cmp.Compare(x, y)
		case errX == nil:
			return -1
		case errY == nil:
			return 1
		}
		return strings.Compare(a, b)
	})
}
