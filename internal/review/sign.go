package review

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// windowLasts is how long a window may stay open. Everything is checked again
// when it is submitted; this only limits the age of a click.
const windowLasts = time.Hour

// target is the request, decision and message of a window. The window carries it,
// because another replica may receive the submission. It is signed with a secret
// that only the replicas have: somebody with just the bot token can open windows
// too, and must not get people to submit a decision that they don't see.
type target struct {
	Request  string          `json:"r"`
	Decision access.Decision `json:"d"`
	Channel  string          `json:"c"`
	TS       string          `json:"t"`
	User     string          `json:"u"`
	Opened   int64           `json:"o"` // Unix seconds
}

// sign returns the target with its signature, "signature.target".
func sign(secret string, t target) string {
	b, err := json.Marshal(t)
	if err != nil {
		panic("review: a struct of strings and numbers always marshals: " + err.Error())
	}
	return encoding.EncodeToString(signature(secret, b)) + "." + encoding.EncodeToString(b)
}

// verify returns the target if its signature is valid.
func verify(secret, signed string) (target, bool) {
	mac, b, ok := parts(signed)
	if !ok || !hmac.Equal(mac, signature(secret, b)) {
		return target{}, false
	}
	var t target
	if json.Unmarshal(b, &t) != nil || t.Decision > access.Deny {
		return target{}, false
	}
	return t, true
}

// claimedRequest returns the request of a window without checking its signature;
// "" if there is none.
func claimedRequest(signed string) string {
	_, b, ok := parts(signed)
	var t target
	if !ok || json.Unmarshal(b, &t) != nil || !requestShape.MatchString(t.Request) {
		return ""
	}
	return t.Request
}

var encoding = base64.RawURLEncoding.Strict()

func parts(signed string) (mac, target []byte, ok bool) {
	first, second, ok := strings.Cut(signed, ".")
	if !ok {
		return nil, nil, false
	}
	mac, err := encoding.DecodeString(first)
	if err != nil {
		return nil, nil, false
	}
	target, err = encoding.DecodeString(second)
	return mac, target, err == nil
}

func signature(secret string, b []byte) []byte {
	key := sha256.Sum256([]byte("teleport-slack window for a reason\x00" + secret))
	h := hmac.New(sha256.New, key[:])
	h.Write(b)
	return h.Sum(nil)
}
