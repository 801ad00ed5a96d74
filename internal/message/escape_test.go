package message

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/message/template"
)

var unlimited = limit{runes: 1 << 20, chars: 1 << 22}

func TestEscape(t *testing.T) {
	for _, tc := range []struct {
		name              string
		in                string
		code, block, line string
	}{
		{"plain", "hello there", "hello there", "hello there", "hello there"},
		{"empty", "", "", "", ""},
		{"only space", " \n\t ", "", "", ""},
		{"surrounding space", "\n x \t", "x", "x", "x"},
		{"entities", "a&b<c>d", "a&amp;b&lt;c&gt;d", "a&amp;b&lt;c&gt;d", "a&amp;b&lt;c&gt;d"},
		{"an entity is no entity yet", "&lt;", "&amp;lt;", "&amp;lt;", "&amp;lt;"},
		{"mention", "<!channel>", "&lt;!channel&gt;", "&lt;!channel&gt;", "&lt;!channel&gt;"},
		{"quote", "> x", "&gt; x", "&gt; x", "&gt; x"},
		{"formatting", "*a* ~b~ _c_ d_e __f", "*a* ~b~ _c_ d_e __f", "*a* ~b~ _c_ d_e __f", "∗a∗ ∼b∼ ＿c＿ d_e ＿＿f"},
		{"one back-tick", "a`b", "aˋb", "a`b", "aˋb"},
		{"two back-ticks", "a``b", "aˋˋb", "a``b", "aˋˋb"},
		{"fence", "a```b", "aˋˋˋb", "aˋˋˋb", "aˋˋˋb"},
		{"long fence", "a`````b", "aˋˋˋˋˋb", "aˋˋˋˋˋb", "aˋˋˋˋˋb"},
		{"back-ticks at the end", "a``", "aˋˋ", "aˋˋ", "aˋˋ"},
		{"lines", "a\nb\r\nc\rd\u2028e", "a b c d e", "a\nb\nc\nd\ne", "a b c d e"},
		{"empty lines", "a\n\n\n\n\nb", "a b", "a\n\nb", "a b"},
		{"spaces", "a   b\tc\u00a0d", "a   b c d", "a   b\tc\u00a0d", "a b c d"},
		{"control characters", "a\x00b\x1bc\u0080d\x7fe", "a�b�c�d�e", "a�b�c�d�e", "a�b�c�d�e"},
		{"overrides", "a\u202eb\u2066c\u2069", "a�b�c�", "a�b�c�", "a�b�c�"},
		{"direction marks", "a\u200eb", "a�b", "a\u200eb", "a�b"},
		{"invisible", "ali\u200bce\u00ad\ufeff\u3164", "ali�ce���", "ali�ce���", "ali�ce���"},
		{"joiner in ASCII", "ali\u200dce", "ali�ce", "ali�ce", "ali�ce"},
		{"joiner where it belongs", "می\u200cخواهم 👩\u200d🔧", "می\u200cخواهم 👩\u200d🔧", "می\u200cخواهم 👩\u200d🔧", "می\u200cخواهم 👩\u200d🔧"},
		{"leading mark", "\u0301a", "�a", "�a", "�a"},
		{"invalid UTF-8", "a\xffb\xe2\x82", "a�b��", "a�b��", "a�b��"},
		{"pile of accents", "e" + strings.Repeat("\u0301", 50) + "f",
			"e" + strings.Repeat("\u0301", 11) + "f", "e" + strings.Repeat("\u0301", 11) + "f", "e" + strings.Repeat("\u0301", 11) + "f"},
		{"Korean", "데이터 베이스", "데이터 베이스", "데이터 베이스", "데이터 베이스"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for f, want := range map[form]string{inCode: tc.code, inBlock: tc.block, inLine: tc.line} {
				got, cut := escape(tc.in, f, unlimited)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("form %d (-want +got):\n%s", f, diff)
				}
				if cut {
					t.Errorf("form %d: was cut", f)
				}
			}
		})
	}
}

func TestCut(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   string
		f    form
		max  limit
		want string
		cut  bool
	}{
		{"fits exactly", "abcd", inCode, limit{4, 100}, "abcd", false},
		{"one too many", "abcde", inCode, limit{4, 100}, "abcd", true},
		{"characters, not bytes", "가나다라", inCode, limit{4, 100}, "가나다라", false},
		{"surrounding space is free", "  abcd  ", inCode, limit{4, 100}, "abcd", false},
		{"never ends in space", "abc def", inCode, limit{4, 100}, "abc", true},
		{"never within an entity", "ab&cd", inCode, limit{100, 6}, "ab", true},
		{"entity that fits", "ab&", inCode, limit{100, 7}, "ab&amp;", false},
		{"accent stays with its letter", "abe\u0301", inCode, limit{3, 100}, "ab", true},
		{"emoji with its joiner", "ab👩\u200d🔧", inCode, limit{4, 100}, "ab", true},
		{"emoji with its skin", "ab👍🏽", inCode, limit{3, 100}, "ab", true},
		{"flags in pairs", "🇰🇷🇩🇪", inCode, limit{3, 100}, "🇰🇷", true},
		{"Hangul in its parts", "\u1112\u1161\u11ab\u1100\u1173\u11af", inCode, limit{5, 100}, "\u1112\u1161\u11ab", true},
		{"within a fence", "ab```cd", inBlock, limit{3, 100}, "ab", true},
		{"after a fence", "ab```cd", inBlock, limit{6, 100}, "abˋˋˋc", true},
		{"never ends in a wide space", "A\u00a0A", inBlock, limit{2, 100}, "A", true},
		{"back-ticks before the cut", "ab``cd", inBlock, limit{4, 100}, "ab", true},
		{"before an end of line", "ab\ncd", inBlock, limit{3, 100}, "ab", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, cut := escape(tc.in, tc.f, tc.max)
			if got != tc.want || cut != tc.cut {
				t.Errorf("got %q, %v; want %q, %v", got, cut, tc.want, tc.cut)
			}
		})
	}
}

func TestNamesAreBareOnlyWhenTheyMeanNothing(t *testing.T) {
	for _, tc := range []struct{ in, block, reply string }{
		{"alice", "alice", "alice"},
		{"first_last", "first_last", "first_last"},
		{"alice+ops@example.com", "alice+ops@example.com", "alice+ops@example.com"},
		{"김민수", "김민수", "김민수"},
		{"example.com", "example.com", "`example.com`"},
		{"a@b.evil.com@c", "a@b.evil.com@c", "`a@b.evil.com@c`"},
		{"@here", "`@here`", "`@here`"},
		{"#general", "`#general`", "`#general`"},
		{":tada:", "`:tada:`", "`:tada:`"},
		{"_a_", "`_a_`", "`_a_`"},
		{"*a*", "`*a*`", "`*a*`"},
		{"a b", "`a b`", "`a b`"},
		{"https://x.y", "`https://x.y`", "`https://x.y`"},
		{"> a", "`&gt; a`", "`&gt; a`"},
		{"", "(empty)", "(empty)"},
		{strings.Repeat("a", 257), "`" + strings.Repeat("a", 256) + "` (truncated)", "`" + strings.Repeat("a", 256) + "` (truncated)"},
	} {
		if got := english.name(tc.in, true); got != tc.block {
			t.Errorf("in a block %q is %q, want %q", tc.in, got, tc.block)
		}
		if got := english.name(tc.in, false); got != tc.reply {
			t.Errorf("in a reply %q is %q, want %q", tc.in, got, tc.reply)
		}
	}
}

func TestNames(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   []string
		max  limit
		want string
	}{
		{"one", []string{"a"}, limit{10, 10}, "`a`"},
		{"all fit", []string{"aaa", "bbb"}, limit{7, 7}, "`aaa,bbb`"},
		{"the last is one too long", []string{"aaa", "bbbb"}, limit{7, 7}, "`aaa` and 1 more"},
		{"no room for a comma", []string{"aaa", "b", "c"}, limit{3, 9}, "`aaa` and 2 more"},
		{"the first is too long", []string{"aaaaaa", "b"}, limit{3, 9}, "`aaa` (truncated) and 1 more"},
		{"escaped characters count once as runes", []string{"<<", ">>"}, limit{5, 100}, "`&lt;&lt;,&gt;&gt;`"},
		{"and in full as characters", []string{"<<", ">>"}, limit{5, 16}, "`&lt;&lt;` and 1 more"},
		{"an empty name", []string{"", "b"}, limit{20, 20}, "`(empty),b`"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := english.names(tc.in, ",", tc.max); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestDate(t *testing.T) {
	for _, tc := range []struct {
		name string
		at   time.Time
		want string
	}{
		{"zero", time.Time{}, ""},
		{"Unix zero", time.Unix(0, 0), ""},
		{"another zone", time.Date(2026, 3, 2, 9, 30, 0, 0, time.FixedZone("KST", 9*3600)),
			"<!date^1772411400^{date_short_pretty} {time}|2 Mar 2026 00:30 UTC>"},
		{"too far", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), ""},
	} {
		if got := english.date(tc.at); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour:                           "",
		0:                                    "",
		29 * time.Second:                     "",
		time.Minute:                          "1 minute",
		59*time.Minute + 40*time.Second:      "1 hour",
		8*time.Hour - time.Second:            "8 hours",
		90 * time.Minute:                     "1 hour 30 minutes",
		24*time.Hour + time.Minute:           "1 day",
		25*time.Hour + 40*time.Minute:        "1 day 2 hours",
		47*time.Hour + 50*time.Minute:        "2 days",
		14 * 24 * time.Hour:                  "14 days",
		7*24*time.Hour + 12*time.Hour + 1e09: "7 days 12 hours",
	} {
		if got := english.duration(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}

func TestLinkIsAnAddressOrNothing(t *testing.T) {
	for _, tc := range []struct{ url, id, want string }{
		{"https://t.example.com", "abc-1", "<https://t.example.com/web/requests/abc-1>"},
		{"https://t.example.com:3080/", "abc-1", "<https://t.example.com:3080/web/requests/abc-1>"},
		{"", "abc-1", ""},
		{"https://t.example.com|Approve", "abc-1", ""},
		{"https://t.example.com>", "abc-1", ""},
		{"javascript:alert(1)", "abc-1", ""},
		{"https://" + strings.Repeat("a", template.MaxURLChars), "abc-1", ""},
		{"https://t.example.com", "a>b", "<https://t.example.com/web/requests>"},
		{"https://t.example.com", "../x", "<https://t.example.com/web/requests>"},
		{"https://t.example.com", strings.Repeat("a", maxIDChars+1), "<https://t.example.com/web/requests>"},
	} {
		r := renderer
		r.Cluster.WebURL = tc.url
		req := roleRequest()
		req.ID = tc.id
		if got := r.link(req); got != tc.want {
			t.Errorf("%q and %q: got %q, want %q", tc.url, tc.id, got, tc.want)
		}
	}
}

// holdsEscape reports what is wrong with how s is escaped and cut.
func holdsEscape(t interface {
	Errorf(string, ...any)
}, s string, f form, max limit) {
	full, cut := escape(s, f, unlimited)
	if cut {
		t.Errorf("%q was cut without need", s)
	}
	got, cut := escape(s, f, max)
	if n := utf8.RuneCountInString(got); n > max.chars || n-escapes(got) > max.runes {
		t.Errorf("%q has %d characters beyond %v", got, n, max)
	}
	if !strings.HasPrefix(full, got) || cut != (got != full) {
		t.Errorf("cut %v: %q is not the beginning of %q", cut, got, full)
	}
	if !utf8.ValidString(got) || strings.ContainsAny(got, "<>") || strings.TrimSpace(got) != got {
		t.Errorf("%q is not clean", got)
	}
	if strings.Count(got, "&") != len(entities.FindAllString(got, -1)) {
		t.Errorf("%q has a broken entity", got)
	}
	rest := strings.TrimPrefix(full, got)
	if first, _ := utf8.DecodeRuneInString(rest); cut && strings.TrimLeft(got, "\ufffd") != "" && isExtender(first) {
		t.Errorf("%q was split from %+q", got, rest)
	}
	switch {
	case f != inBlock && strings.ContainsAny(got, "`\n\t"):
		t.Errorf("%q leaves its line or its code", got)
	case f == inBlock && (strings.Contains(got+"```", "````") || strings.Contains(got, "```") || strings.Contains(got, "\n\n\n")):
		t.Errorf("%q leaves its block", got)
	case f == inLine && strings.ContainsAny(got, "*~"):
		t.Errorf("%q formats", got)
	}
}

// isExtender says that r can't begin a visible character, wherever it is.
func isExtender(r rune) bool {
	return 0x300 <= r && r <= 0x36f || r == 0x200d || 0xfe00 <= r && r <= 0xfe0f
}
