package demo

import (
	"strings"
	"testing"
	"unicode"
)

// Whatever a message holds, it is lines that leave the terminal alone.
func FuzzReadable(f *testing.F) {
	f.Add([]byte(`[{"type":"section","text":{"type":"mrkdwn","text":"*a* <b|c> `+"```d```"+`"},"fields":[{"text":"x"}]}]`), "")
	f.Add([]byte(``), "a\x1b[2J ```\n``` <!date^1^{date}|\x07>")
	f.Add([]byte(`[null,{"text":{"text":{"text":"x"}}}]`), "")
	f.Fuzz(func(t *testing.T, blocks []byte, text string) {
		for _, line := range readable(blocks, text) {
			if strings.ContainsFunc(line, unicode.IsControl) {
				t.Errorf("%q has a control character", line)
			}
		}
	})
}
