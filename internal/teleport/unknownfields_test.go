package teleport

import (
	"bytes"
	"slices"
	"testing"

	"github.com/gravitational/teleport/api/types"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// A field that the api does not know survives its marshalling, in both directions.
func TestOnBehalfIsTwoBytesOnTheWire(t *testing.T) {
	if got := onBehalf(); !bytes.Equal(got, []byte{0x60, 0x01}) {
		t.Fatalf("onBehalf() = % x", got)
	}
	out := types.AccessReview{Author: "bob", XXX_unrecognized: onBehalf()}
	b, err := out.Marshal()
	if err != nil || !bytes.HasSuffix(b, []byte{0x60, 0x01}) {
		t.Fatalf("on the wire: % x, %v", b, err)
	}
	var in types.AccessReview
	if err := in.Unmarshal(b); err != nil || !bytes.Equal(in.XXX_unrecognized, onBehalf()) {
		t.Errorf("back from it: % x, %v", in.XXX_unrecognized, err)
	}
}

func TestSubmittedBy(t *testing.T) {
	name := func(s string) []byte {
		return protowire.AppendString(protowire.AppendTag(nil, fieldSubmittedBy, protowire.BytesType), s)
	}
	for _, tt := range []struct {
		name string
		in   []byte
		want string
	}{
		{"nothing", nil, ""},
		{"both", append(name("plugin"), onBehalf()...), "plugin"},
		{"both the other way round", append(onBehalf(), name("plugin")...), "plugin"},
		{"a name alone", name("plugin"), ""},
		{"behalf alone", onBehalf(), ""},
		{"not on behalf", append(name("plugin"), 0x60, 0x00), ""},
		{"cut off", append(onBehalf(), name("plugin")[:4]...), ""},
		{"after something unknown", append(append([]byte{0x68, 0x05}, name("plugin")...), onBehalf()...), "plugin"},
	} {
		if got := submittedBy(tt.in); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestRequestKind(t *testing.T) {
	number := func(n protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, n, protowire.VarintType), v)
	}
	text := func(n protowire.Number, v string) []byte {
		return protowire.AppendString(protowire.AppendTag(nil, n, protowire.BytesType), v)
	}
	for _, tt := range []struct {
		name   string
		in     []byte
		want   access.Kind
		unread []string
	}{
		{"nothing", nil, access.ShortTerm, nil},
		{"undefined", number(24, 0), access.ShortTerm, nil},
		{"short-term", number(24, 1), access.ShortTerm, nil},
		{"long-term", number(24, 2), access.LongTerm, nil},
		{"a kind of the future", number(24, 3), access.ShortTerm, []string{"request kind 3"}},
		{"another type", text(24, "\x02"), access.ShortTerm, []string{"spec field 24"}},
		{"the enrichment of a dry run", text(23, "\x0a\x01x"), access.ShortTerm, nil},
		{"a field of the future", append(number(24, 2), number(27, 2)...), access.LongTerm, []string{"spec field 27"}},
		{"twice the same", append(number(27, 1), number(27, 2)...), access.ShortTerm, []string{"spec field 27"}},
		{"a reserved number", number(19, 2), access.ShortTerm, nil},
		{"cut off", []byte{0xc0}, access.ShortTerm, []string{"spec"}},
	} {
		s := readNewerSpec(tt.in)
		if s.kind != tt.want || !slices.Equal(s.unread, tt.unread) {
			t.Errorf("%s: %v, unread %q; want %v, %q", tt.name, s.kind, s.unread, tt.want, tt.unread)
		}
	}
}

func FuzzFieldsOfNewerServers(f *testing.F) {
	f.Add([]byte{})
	f.Add(onBehalf())
	f.Add([]byte{0xc0, 0x01, 0x02})
	f.Add([]byte{0xd2, 0x01, 0x12, 0x0a, 0x06, 0x12, 0x01, 'k', 0x1a, 0x01, 'n', 0x12, 0x08, 0x0a, 0x02, 'v', '1', 0x5a, 0x02, 0x0a, 0x00})
	f.Add([]byte{11<<3 | 2, 200, 'x'})
	f.Fuzz(func(t *testing.T, b []byte) {
		spec := readNewerSpec(b)
		if len(spec.unread) > maxUnread {
			t.Errorf("%d unread parts", len(spec.unread))
		}
		for _, r := range spec.resources {
			if r.Kind == "" || r.Name == "" {
				t.Errorf("%+v is no resource", r)
			}
		}
		unreadOfReview(b)
		listType(b)
		if by := submittedBy(b); by != "" && !bytes.Contains(b, []byte(by)) {
			t.Errorf("%q is not in it", by)
		}
	})
}

func TestVersionsThatTakeReviewsOnBehalf(t *testing.T) {
	for version, want := range map[string]bool{
		"18.11.0": true, "18.11.0-rc.1": true, "v18.11.2": true, "18.12.3": true, "19.0.0": true, "20.1.0": true, "18.110.0": true,
		"18.10.9": false, "18.2.0": false, "17.99.0": false, "9.11.0": false, "": false, "18": false, "x.y.z": false, "18.-1.0": false, "18.x": false,
	} {
		if got := atLeast(version, OnBehalfSince); got != want {
			t.Errorf("%q: %v, want %v", version, got, want)
		}
	}
}
