package rule

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// Whatever a condition is: no panic, no long work, an error that can be found
// in the text, and the same answer twice.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		`contains_all(set("access"), access_request.spec.roles) && user.traits["team"].contains("dev")`,
		`!regexp.match(access_request.spec.request_reason, "a+") || access_request.spec.creation_time.day() == "Monday"`,
		`choose(option(true, dict(pair("a", set("b"))).put("c", "d").c), option(false, set())) != set("e",)`,
		`between(time.RFC3339("2026-03-03T17:30:00Z"), access_request.spec.expiry, time.RFC3339(access_request.spec.request_reason))`,
		`between(access_request.spec.request_reason, "1.0.0-rc.1", "v2.0.0+x") || newer_than(strings.upper(access_request.spec.user), "0.0.0")`,
		`regexp.match(set(access_request.spec.request_reason), "*a*")`,
		"`raw` == \"esc\\n\" // comment\n", `((((`, `"`, `a.b.c(`, `x[`, "\xff", `!`, `true)`, `/*`,
	} {
		f.Add(seed, "reason", "alice@example.com")
	}
	f.Fuzz(func(t *testing.T, condition, reason, user string) {
		r, err := Compile(Source{Name: "r", Condition: condition})
		if err != nil {
			sound(t, condition, err)
			return
		}
		in := Input{
			Request: access.Request{Reason: reason, User: user, Roles: []string{user, reason}, Created: time.Unix(1e9, 0)},
			Traits:  map[string][]string{"team": {user}, reason: {reason}},
			Labels:  []map[string]string{{"env": reason}, {"env": user}},
		}
		start := time.Now()
		got, err := r.Match(in)
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("took %v", d)
		}
		if err != nil {
			sound(t, condition, err)
		}
		if again, err2 := r.Match(in); again != got || (err == nil) != (err2 == nil) {
			t.Errorf("is %v (%v), then %v (%v)", got, err, again, err2)
		}
	})
}

func sound(t interface{ Errorf(string, ...any) }, condition string, err error) {
	var e *Error
	if !errors.As(err, &e) {
		t.Errorf("%T is no *Error: %v", err, err)
		return
	}
	lines := strings.Split(condition, "\n")
	if e.Line < 1 || e.Line > len(lines) || e.Column < 1 || e.Column > len([]rune(lines[e.Line-1]))+1 {
		t.Errorf("place %d:%d is not in %q", e.Line, e.Column, condition)
	}
	if e.Reason == "" || len(e.Reason) > 1000 || strings.Contains(e.Reason, "\n") {
		t.Errorf("reason %q is no short line", e.Reason)
	}
}

// Conditions made of the language's own words get deep into it.
func TestWordsInAnyOrder(t *testing.T) {
	var words []string
	for n := range variables {
		words = append(words, n)
	}
	for n := range functions {
		words = append(words, n+"(", "."+n+"(")
	}
	for n := range special {
		words = append(words, n+"(")
	}
	words = append(words, signs...)
	words = append(words, `"a"`, `"$0$0"`, `"(a|b)*"`, "`x`", `"09:00"`, `"team"`, "\n")
	slices.Sort(words)
	rapid.Check(t, func(t *rapid.T) {
		condition := strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 30).Draw(t, "words"), " ")
		r, err := Compile(Source{Name: "r", Condition: condition})
		if err != nil {
			sound(t, condition, err)
			return
		}
		if _, err := r.Match(input()); err != nil {
			sound(t, condition, err)
		}
	})
}

// Expressions that are well formed by construction compile, and what brackets
// and double negation surround means the same.
func TestBracketsAndNegationsKeepTheMeaning(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		condition := wellFormed(t, 4)
		want := answer(t, condition)
		for _, same := range []string{"(" + condition + ")", "!!(" + condition + ")", "(" + condition + ") == true", "false || " + condition, "ifelse(" + condition + ", true, false)"} {
			if got := answer(t, same); got != want {
				t.Fatalf("%s is %v, %s is %v", condition, want, same, got)
			}
		}
		if got := answer(t, "!("+condition+")"); got == want {
			t.Fatalf("%s and its opposite are both %v", condition, got)
		}
	})
}

func wellFormed(t *rapid.T, depth int) string {
	sets := []string{`set("a", "dev")`, `user.traits["team"]`, `access_request.spec.roles`, `set()`, `strings.upper(user.traits.level)`}
	a, b := rapid.SampledFrom(sets).Draw(t, "a"), rapid.SampledFrom(sets).Draw(t, "b")
	switch kind := rapid.IntRange(0, 7).Draw(t, "kind"); {
	case depth > 0 && kind < 2:
		return wellFormed(t, depth-1) + " && " + wellFormed(t, depth-1)
	case depth > 0 && kind < 4:
		return "(" + wellFormed(t, depth-1) + " || " + wellFormed(t, depth-1) + ")"
	case kind == 5:
		return "contains_any(" + a + ", " + b + ")"
	case kind == 6:
		return a + ".contains_all(" + b + ")"
	}
	return a + " != " + b
}

func answer(t *rapid.T, condition string) bool {
	r, err := Compile(Source{Name: "r", Condition: condition})
	if err != nil {
		t.Fatalf("%s: %v", condition, err)
	}
	got, err := r.Match(input())
	if err != nil {
		t.Fatalf("%s: %v", condition, err)
	}
	return got
}
