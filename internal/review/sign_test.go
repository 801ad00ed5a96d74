package review

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

var about = target{Request: "r-1", Decision: access.Deny, Channel: "C0DEV", TS: "1700000000.000100", User: "U0BOB", Opened: 1700000000}

func TestASignatureIsValidWithItsSecret(t *testing.T) {
	signed := sign("secret", about)
	got, ok := verify("secret", signed)
	if diff := cmp.Diff(about, got); diff != "" || !ok {
		t.Errorf("%v (-want +got):\n%s", ok, diff)
	}
	if claimedRequest(signed) != "r-1" {
		t.Errorf("claimedRequest = %q", claimedRequest(signed))
	}
	if len(signed) > 3000 {
		t.Errorf("%d characters, Slack takes 3000", len(signed))
	}
	if strings.Contains(signed, "secret") {
		t.Error("the secret is in it")
	}
}

func TestABrokenSignatureIsInvalid(t *testing.T) {
	signed := sign("secret", about)
	mac, text, _ := strings.Cut(signed, ".")
	other := about
	other.Decision = access.Approve
	_, approves, _ := strings.Cut(sign("secret", other), ".")
	for name, s := range map[string]string{
		"empty": "", "no signature": "." + text, "no target": mac + ".", "another target": mac + "." + approves,
		"cut off": signed[:len(signed)-1], "with more": signed + "A", "another secret's": sign("Secret", about), "no secret's": sign("", about),
		"swapped": text + "." + mac, "padded": signed + "=", "a decision that there is not": sign("secret", target{Request: "r", Decision: 9}),
	} {
		if got, ok := verify("secret", s); ok {
			t.Errorf("%s: taken for %+v", name, got)
		}
	}
	for i := range signed {
		broken := []byte(signed)
		broken[i] ^= 1
		if got, ok := verify("secret", string(broken)); ok {
			t.Fatalf("with byte %d changed: taken for %+v", i, got)
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("", "")
	f.Add("secret", sign("secret", about))
	f.Fuzz(func(t *testing.T, secret, signed string) {
		s, ok := verify(secret, signed)
		if ok && sign(secret, s) != signed {
			t.Errorf("%q is not what sign returns", signed)
		}
		if id := claimedRequest(signed); id != "" && !requestShape.MatchString(id) {
			t.Errorf("claimedRequest = %q", id)
		}
	})
}
