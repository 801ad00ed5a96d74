package teleport

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// Newer servers use protobuf fields that our version of the api module doesn't
// define. The module keeps such fields when it decodes a message and sends them
// when it encodes one, so they are read and written here by number. A newer api
// module makes this file unnecessary.

// Fields of types.AccessReview.
const (
	fieldSubmittedBy protowire.Number = 11 // string: the plugin's user
	fieldOnBehalf    protowire.Number = 12 // bool: the caller is not the author
)

// onBehalf returns the encoded field that submits a review for another user:
// field 12, true. Servers before 18.11 ignore it and then refuse the review,
// since its author is not the caller.
func onBehalf() []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, fieldOnBehalf, protowire.VarintType), 1)
}

// submittedBy returns the plugin's user that submitted the review for its author,
// or "" if the author submitted it.
func submittedBy(unrecognized []byte) string {
	by, behalf := "", false
	eachField(unrecognized, func(n protowire.Number, number uint64, text []byte) {
		switch n {
		case fieldSubmittedBy:
			by = string(text)
		case fieldOnBehalf:
			behalf = number != 0
		}
	})
	if !behalf {
		return ""
	}
	return by
}

// The request kind is an enum (0 undefined, 1 short-term, 2 long-term) in
// types.AccessRequestSpecV3. Its number is not known for certain; it is greater
// than the last one that the api defines.
const (
	lastKnownSpecField protowire.Number = 22
	longTermValue      uint64           = 2
)

// kind reads the request kind from the unknown fields of a request's spec. Any
// number there that could mean long-term is taken as such: if that is wrong, a
// request has no buttons; the opposite mistake would let a click grant lasting
// access.
func kind(unrecognized []byte) access.Kind {
	k := access.ShortTerm
	eachField(unrecognized, func(n protowire.Number, number uint64, _ []byte) {
		if n > lastKnownSpecField && number == longTermValue {
			k = access.LongTerm
		}
	})
	return k
}

// eachField calls f for each encoded field that is a number or a text, up to the
// first invalid field.
func eachField(b []byte, f func(n protowire.Number, number uint64, text []byte)) {
	for len(b) > 0 {
		n, typ, tag := protowire.ConsumeTag(b)
		if tag < 0 {
			return
		}
		size := protowire.ConsumeFieldValue(n, typ, b[tag:])
		if size < 0 {
			return
		}
		value := b[tag : tag+size]
		b = b[tag+size:]
		switch typ {
		case protowire.VarintType:
			v, _ := protowire.ConsumeVarint(value)
			f(n, v, nil)
		case protowire.BytesType:
			v, _ := protowire.ConsumeBytes(value)
			f(n, 0, v)
		}
	}
}
