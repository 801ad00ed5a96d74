package record_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/teleport-slack/teleport-slack/internal/record"
)

var ignoreStored = cmpopts.IgnoreUnexported(record.Notices{})

// TestNoticesOfThePublishedPlugin are values as it writes them.
func TestNoticesOfThePublishedPlugin(t *testing.T) {
	data := map[string]string{"user_notifications": `{"alice@example.com":"2026-11-24T09:30:00.123456789Z","bob":"0001-01-01T00:00:00Z"}`}
	n, problems := record.DecodeNotices(data)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := record.Notices{Reminded: map[string]time.Time{"alice@example.com": time.Date(2026, 11, 24, 9, 30, 0, 123456789, time.UTC), "bob": {}}}
	if diff := cmp.Diff(want, n, ignoreStored); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if set, _ := n.Changes(); len(set) > 0 {
		t.Errorf("reading alone would write %v", set)
	}

	// What we write, it reads: its key alone, in its form.
	at := time.Date(2026, 12, 1, 18, 0, 0, 5_000_000, time.FixedZone("", 9*3600))
	set, expect := n.WithReminder("bob", at).Keep([]string{"bob"}).Changes()
	if diff := cmp.Diff(map[string]string{"user_notifications": `{"bob":"2026-12-01T09:00:00.005Z"}`}, set); diff != "" {
		t.Errorf("set (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"user_notifications": data["user_notifications"], "teleport_slack": ""}, expect); diff != "" {
		t.Errorf("expect (-want +got):\n%s", diff)
	}
}

func TestNoticesUnderWay(t *testing.T) {
	at := time.UnixMilli(1795553345777).UTC()
	n, _ := record.DecodeNotices(nil)
	begun := n.Begin("bob", record.Intent{Part: "lists-1", By: "a/1", At: at, Try: 1})
	if len(n.Intents) > 0 {
		t.Fatal("Begin changed the value that it was called on")
	}
	set, expect := begun.Changes()
	if diff := cmp.Diff(map[string]string{"teleport_slack": `{"intents":{"bob":{"part":"lists-1","by":"a/1","at":1795553345777,"try":1}}}`}, set); diff != "" {
		t.Errorf("set (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"user_notifications": "", "teleport_slack": ""}, expect); diff != "" {
		t.Errorf("expect (-want +got):\n%s", diff)
	}
	told := begun.Stored().WithReminder("bob", at)
	set, expect = told.Changes()
	if diff := cmp.Diff(map[string]string{"user_notifications": `{"bob":"2026-11-24T20:49:05.777Z"}`, "teleport_slack": ""}, set); diff != "" {
		t.Errorf("set (-want +got):\n%s", diff)
	}
	if expect["teleport_slack"] == "" {
		t.Error("the end of an intent does not expect it")
	}
}

func TestBrokenNotices(t *testing.T) {
	n, problems := record.DecodeNotices(map[string]string{"user_notifications": `{"alice":"yesterday","bob":"2026-11-24T00:00:00Z"}`, "teleport_slack": "{"})
	if len(problems) != 2 {
		t.Errorf("problems: %q, want one for alice and one for our key", problems)
	}
	if diff := cmp.Diff(map[string]time.Time{"bob": time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)}, n.Reminded); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// TestNoticesRoundTrip: what was written is read again, and then nothing is
// left to write.
func TestNoticesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringOfN(rapid.RuneFrom([]rune("ab@. \"<é\n")), 1, 8, -1)
		at := rapid.Custom(func(t *rapid.T) time.Time {
			return time.UnixMilli(rapid.Int64Range(1, 250_000_000_000_000).Draw(t, "ms")).UTC()
		})
		intent := rapid.Custom(func(t *rapid.T) record.Intent {
			return record.Intent{Part: name.Draw(t, "part"), By: name.Draw(t, "by"), At: at.Draw(t, "at"), Try: rapid.IntRange(1, 9).Draw(t, "try")}
		})
		n := record.Notices{}
		for owner, when := range rapid.MapOfN(name, at, 0, 4).Draw(t, "told") {
			n = n.WithReminder(owner, when)
		}
		for owner, i := range rapid.MapOfN(name, intent, 0, 4).Draw(t, "intents") {
			n = n.Begin(owner, i)
		}
		set, _ := n.Changes()
		again, problems := record.DecodeNotices(set)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if diff := cmp.Diff(n, again, ignoreStored, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		if set, _ := again.Changes(); len(set) > 0 {
			t.Fatalf("left to write: %v", set)
		}
		if set, _ := n.Stored().Changes(); len(set) > 0 {
			t.Fatalf("left to write after it was stored: %v", set)
		}
	})
}

func FuzzDecodeNotices(f *testing.F) {
	f.Add(`{"alice":"2026-11-24T00:00:00Z"}`, `{"intents":{"bob":{"part":"lists-1","by":"a/1","at":1,"try":1}}}`)
	f.Add("", "")
	f.Add(`{"alice":null}`, "null")
	f.Fuzz(func(t *testing.T, told, extension string) {
		n, _ := record.DecodeNotices(map[string]string{"user_notifications": told, "teleport_slack": extension})
		set, _ := n.Keep([]string{"alice"}).Changes()
		if _, problems := record.DecodeNotices(set); len(problems) > 0 {
			t.Fatalf("what we write does not parse: %q", problems)
		}
	})
}
