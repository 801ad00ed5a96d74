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
// when it comes back; this only bounds how old a click can be that counts.
const windowLasts = time.Hour

// subject is what a window is about. It travels with the window, because the
// answer may reach another replica, and it is sealed with what only replicas
// have: whoever holds just the bot token can open windows in front of people
// too, and must not make them sign what they don't see.
type subject struct {
	Request  string          `json:"r"`
	Decision access.Decision `json:"d"`
	Channel  string          `json:"c"`
	TS       string          `json:"t"`
	User     string          `json:"u"`
	Opened   int64           `json:"o"` // Unix seconds
}

// seal returns the subject with its proof, "proof.subject".
func seal(secret string, s subject) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic("review: a struct of strings and numbers always marshals: " + err.Error())
	}
	return encoding.EncodeToString(proof(secret, b)) + "." + encoding.EncodeToString(b)
}

// unseal returns the subject if its proof is good.
func unseal(secret, sealed string) (subject, bool) {
	mac, b, ok := parts(sealed)
	if !ok || !hmac.Equal(mac, proof(secret, b)) {
		return subject{}, false
	}
	var s subject
	if json.Unmarshal(b, &s) != nil || s.Decision > access.Deny {
		return subject{}, false
	}
	return s, true
}

// peek returns which request a window claims to be about, proven or not; "" if
// it is none.
func peek(sealed string) string {
	_, b, ok := parts(sealed)
	var s subject
	if !ok || json.Unmarshal(b, &s) != nil || !requestShape.MatchString(s.Request) {
		return ""
	}
	return s.Request
}

var encoding = base64.RawURLEncoding.Strict()

func parts(sealed string) (mac, subject []byte, ok bool) {
	first, second, ok := strings.Cut(sealed, ".")
	if !ok {
		return nil, nil, false
	}
	mac, err := encoding.DecodeString(first)
	if err != nil {
		return nil, nil, false
	}
	subject, err = encoding.DecodeString(second)
	return mac, subject, err == nil
}

func proof(secret string, b []byte) []byte {
	key := sha256.Sum256([]byte("teleport-slack window for a reason\x00" + secret))
	h := hmac.New(sha256.New, key[:])
	h.Write(b)
	return h.Sum(nil)
}
