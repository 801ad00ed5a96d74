package teleport

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// What newer servers say and understand, and the api module that this is built
// with has no names for. It keeps such fields as they came and sends what is
// put there, so each of them is read or written here, by its number. A newer
// api module makes this file unnecessary.

// Fields of types.AccessReview.
const (
	fieldSubmittedBy protowire.Number = 11 // string: the plugin's user
	fieldOnBehalf    protowire.Number = 12 // bool: the caller is not the author
)

// onBehalf is what makes a review one that is submitted for somebody else:
// field 12, true. Servers before 18.11 pass over it and then refuse the review,
// since its author is not the caller.
func onBehalf() []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, fieldOnBehalf, protowire.VarintType), 1)
}

// submittedBy returns through whom a review came that its author did not
// submit: a plugin's user, or "" for the author's own.
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
// types.AccessRequestSpecV3, whose number nobody could tell us for certain. It
// can only be one of those after the last that the api knows.
const (
	lastKnownSpecField protowire.Number = 22
	longTermValue      uint64           = 2
)

// kind reads the request kind from what the api did not recognise in a
// request's spec. Any number there that could mean long-term is taken for it:
// mistaken, it costs a request its buttons, where the other mistake would let
// lasting access be given by a click.
func kind(unrecognized []byte) access.Kind {
	k := access.ShortTerm
	eachField(unrecognized, func(n protowire.Number, number uint64, _ []byte) {
		if n > lastKnownSpecField && number == longTermValue {
			k = access.LongTerm
		}
	})
	return k
}

// eachField calls f for the numbers and the texts among encoded fields, until
// the end or the first field that is none.
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
