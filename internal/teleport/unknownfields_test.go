package teleport

import (
	"bytes"
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

func TestKindIsLongTermWhenInDoubt(t *testing.T) {
	field := func(n protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, n, protowire.VarintType), v)
	}
	for _, tt := range []struct {
		name string
		in   []byte
		want access.Kind
	}{
		{"nothing", nil, access.ShortTerm},
		{"short-term", field(23, 1), access.ShortTerm},
		{"long-term", field(23, 2), access.LongTerm},
		{"long-term under another number", append(field(23, 1), field(30, 2)...), access.LongTerm},
		{"a text", protowire.AppendString(protowire.AppendTag(nil, 24, protowire.BytesType), "\x02"), access.ShortTerm},
		{"a number that the api knows", field(3, 2), access.ShortTerm},
	} {
		if got := kind(tt.in); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func FuzzFieldsOfNewerServers(f *testing.F) {
	f.Add([]byte{})
	f.Add(onBehalf())
	f.Add([]byte{0xb8, 0x01, 0x02})
	f.Add([]byte{11<<3 | 2, 200, 'x'})
	f.Fuzz(func(t *testing.T, b []byte) {
		kind(b)
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
