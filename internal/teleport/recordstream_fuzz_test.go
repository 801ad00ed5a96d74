package teleport

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gravitational/teleport/api/client/proto"
	"github.com/gravitational/teleport/api/types"
	"google.golang.org/grpc/mem"
)

// sequence is an answer with n records, cut into buffers as it comes.
func sequence(t testing.TB, n, cut int) ([]byte, mem.BufferSlice) {
	t.Helper()
	seq := &proto.PluginDataSeq{}
	for i := range n {
		d, err := types.NewPluginData(fmt.Sprint("request-", i), types.KindAccessRequest)
		if err != nil {
			t.Fatal(err)
		}
		v3 := d.(*types.PluginDataV3)
		v3.Spec.Entries = map[string]*types.PluginDataEntry{pluginName: {Data: map[string]string{"user": fmt.Sprint("user-", i)}}}
		seq.PluginData = append(seq.PluginData, v3)
	}
	b, err := seq.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var slice mem.BufferSlice
	for rest := b; len(rest) > 0; rest = rest[min(cut, len(rest)):] {
		slice = append(slice, mem.SliceBuffer(rest[:min(cut, len(rest))]))
	}
	return b, slice
}

func TestRecordsAreDecodedOneByOne(t *testing.T) {
	for _, cut := range []int{1, 7, 1 << 14} {
		_, data := sequence(t, 100, cut)
		var got []string
		err := newRecordStream(func(d *types.PluginDataV3) error {
			got = append(got, d.GetName()+" "+entry(d)["user"])
			return nil
		}).Unmarshal(data, nil)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for i := range 100 {
			want = append(want, fmt.Sprintf("request-%d user-%d", i, i))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("cut at %d (-want +got):\n%s", cut, diff)
		}
	}
}

// FuzzRecordStream: whatever comes is decoded as the generated code does, or
// refused; what is yielded is never more than what came.
func FuzzRecordStream(f *testing.F) {
	b, _ := sequence(f, 3, 16)
	f.Add(b)
	f.Add(append([]byte{0x10, 0x05, 0x19, 1, 2, 3, 4, 5, 6, 7, 8}, b...)) // newer fields first
	f.Add([]byte{0x0a, 0xff, 0xff, 0xff, 0x7f})                           // longer than the answer
	f.Add([]byte{0x0b})
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		err := newRecordStream(func(*types.PluginDataV3) error { n++; return nil }).Unmarshal(mem.BufferSlice{mem.SliceBuffer(b)}, nil)
		var want proto.PluginDataSeq
		if reference := want.Unmarshal(b); reference == nil && err == nil && n != len(want.PluginData) {
			t.Errorf("%d records, the generated code has %d", n, len(want.PluginData))
		}
		if n > len(b)/2 {
			t.Errorf("%d records of %d bytes", n, len(b))
		}
	})
}
