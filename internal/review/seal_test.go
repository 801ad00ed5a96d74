package review

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

var about = subject{Request: "r-1", Decision: access.Deny, Channel: "C0DEV", TS: "1700000000.000100", User: "U0BOB", Opened: 1700000000}

func TestASealIsGoodWhereTheSecretIs(t *testing.T) {
	sealed := seal("secret", about)
	got, ok := unseal("secret", sealed)
	if diff := cmp.Diff(about, got); diff != "" || !ok {
		t.Errorf("%v (-want +got):\n%s", ok, diff)
	}
	if peek(sealed) != "r-1" {
		t.Errorf("peek = %q", peek(sealed))
	}
	if len(sealed) > 3000 {
		t.Errorf("%d characters, Slack takes 3000", len(sealed))
	}
	if strings.Contains(sealed, "secret") {
		t.Error("the secret is in it")
	}
}

func TestABrokenSealIsNone(t *testing.T) {
	sealed := seal("secret", about)
	mac, text, _ := strings.Cut(sealed, ".")
	other := about
	other.Decision = access.Approve
	_, approves, _ := strings.Cut(seal("secret", other), ".")
	for name, s := range map[string]string{
		"empty": "", "no proof": "." + text, "no subject": mac + ".", "another subject": mac + "." + approves,
		"cut off": sealed[:len(sealed)-1], "with more": sealed + "A", "another secret's": seal("Secret", about), "no secret's": seal("", about),
		"swapped": text + "." + mac, "padded": sealed + "=", "a decision that there is not": seal("secret", subject{Request: "r", Decision: 9}),
	} {
		if got, ok := unseal("secret", s); ok {
			t.Errorf("%s: taken for %+v", name, got)
		}
	}
	for i := range sealed {
		broken := []byte(sealed)
		broken[i] ^= 1
		if got, ok := unseal("secret", string(broken)); ok {
			t.Fatalf("with byte %d changed: taken for %+v", i, got)
		}
	}
}

func FuzzUnseal(f *testing.F) {
	f.Add("", "")
	f.Add("secret", seal("secret", about))
	f.Fuzz(func(t *testing.T, secret, sealed string) {
		s, ok := unseal(secret, sealed)
		if ok && seal(secret, s) != sealed {
			t.Errorf("%q is not what we seal", sealed)
		}
		if id := peek(sealed); id != "" && !requestShape.MatchString(id) {
			t.Errorf("peek = %q", id)
		}
	})
}
