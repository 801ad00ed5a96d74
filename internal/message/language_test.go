package message

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// texts returns every text of a catalogue by the name of its field; the forms
// of a counted text are one text, and have to take the same values.
func texts(t *testing.T, p *phrases) map[string]string {
	t.Helper()
	all := map[string]string{}
	v := reflect.ValueOf(p).Elem()
	for i := range v.NumField() {
		name, f := v.Type().Field(i).Name, v.Field(i)
		switch f.Type() {
		case reflect.TypeFor[Language](), reflect.TypeFor[func(int) int]():
		case reflect.TypeFor[string]():
			all[name] = f.String()
		case reflect.TypeFor[byState]():
			for s := range f.Len() {
				all[name+" "+access.State(s).String()] = f.Index(s).String()
			}
		case reflect.TypeFor[byDecision](), reflect.TypeFor[byAnswer]():
			for i := range f.Len() {
				all[fmt.Sprint(name, " ", i)] = f.Index(i).String()
			}
		case reflect.TypeFor[counted]():
			if f.Len() == 0 {
				t.Errorf("%s: %s has no form", p.language, name)
				continue
			}
			all[name] = f.Index(0).String()
			for i := range f.Len() {
				if got, want := placeholders(f.Index(i).String()), placeholders(all[name]); !maps.Equal(got, want) {
					t.Errorf("%s: form %d of %s takes %v, form 0 takes %v", p.language, i, name, got, want)
				}
			}
		default:
			t.Fatalf("%s is a %s, which this test can't read", name, f.Type())
		}
	}
	return all
}

var placeholder = regexp.MustCompile(`%(\[\d+\][sd]|.|$)`)

// placeholders counts the values that a text takes.
func placeholders(s string) map[string]int {
	n := map[string]int{}
	for _, p := range placeholder.FindAllString(s, -1) {
		n[p]++
	}
	return n
}

// TestEveryLanguageIsComplete holds each catalogue to the English one: it has
// a text where English has one, takes the same values, each once, and takes
// them by number.
func TestEveryLanguageIsComplete(t *testing.T) {
	want := texts(t, &english)
	if len(want) < 90 {
		t.Fatalf("only %d texts found", len(want))
	}
	for _, p := range catalogues {
		got := texts(t, p)
		for _, name := range slices.Sorted(maps.Keys(want)) {
			switch {
			case (got[name] == "") != (want[name] == ""):
				t.Errorf("%s: %s is %q, English has %q", p.language, name, got[name], want[name])
			case name == "dateLayout":
			case !maps.Equal(placeholders(got[name]), placeholders(want[name])):
				t.Errorf("%s: %s takes %v, English takes %v", p.language, name, placeholders(got[name]), placeholders(want[name]))
			}
			for v, n := range placeholders(got[name]) {
				if !strings.HasPrefix(v, "%[") || n != 1 {
					t.Errorf("%s: %s has %q %d times, expected numbered values, each once", p.language, name, v, n)
				}
			}
			if strings.TrimSpace(got[name]) == "" && got[name] != "" || strings.ContainsFunc(got[name], unicode.IsControl) {
				t.Errorf("%s: %s is %q", p.language, name, got[name])
			}
		}
		for n := range 200 {
			for _, c := range []counted{p.days, p.hours, p.minutes} {
				if form := p.plural(n); form < 0 || form >= len(c) {
					t.Fatalf("%s: %d has form %d of %d", p.language, n, form, len(c))
				}
			}
		}
		if lower := strings.ToLower(string(p.language)); len(lower) < 2 || lower != string(p.language) {
			t.Errorf("%q is no language code", p.language)
		}
	}
}

// TestLanguagesAreTranslated finds what was copied and left.
func TestLanguagesAreTranslated(t *testing.T) {
	same := []string{"id", "noLogins", "textReason", "someCluster", "minimalReference"}
	want := texts(t, &english)
	for _, p := range catalogues[1:] {
		got := texts(t, p)
		for _, name := range slices.Sorted(maps.Keys(want)) {
			letters := strings.ContainsFunc(placeholder.ReplaceAllString(want[name], ""), unicode.IsLetter)
			if letters && got[name] == want[name] && !slices.Contains(same, name) {
				t.Errorf("%s: %s is still %q", p.language, name, got[name])
			}
		}
	}
}

func TestLanguages(t *testing.T) {
	if diff := cmp.Diff([]Language{"en", "ko"}, Languages()); diff != "" {
		t.Errorf("languages (-want +got):\n%s", diff)
	}
	for _, tc := range []struct {
		l     Language
		known bool
		want  *phrases
	}{{English, true, &english}, {Korean, true, &korean}, {"", false, &english}, {"xx", false, &english}} {
		if tc.l.Known() != tc.known || tc.l.words() != tc.want {
			t.Errorf("%q: known %v, words of %s", tc.l, tc.l.Known(), tc.l.words().language)
		}
	}
}

func TestPlural(t *testing.T) {
	for _, tc := range []struct {
		p    *phrases
		n    int
		want string
	}{
		{&english, 0, "0 hours"}, {&english, 1, "1 hour"}, {&english, 2, "2 hours"}, {&english, 21, "21 hours"},
		{&korean, 1, "1시간"}, {&korean, 2, "2시간"},
	} {
		if got := tc.p.count(tc.p.hours, tc.n); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.p.language, got, tc.want)
		}
	}
	if got := fmt.Sprint(korean.duration(26*3600*1e9), ", ", english.duration(26*3600*1e9)); got != "1일 2시간, 1 day 2 hours" {
		t.Errorf("26 hours are %q", got)
	}
}
