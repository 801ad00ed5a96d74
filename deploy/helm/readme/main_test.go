package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTableOf(t *testing.T) {
	got, err := tableOf([]byte(`
# About the file.

# -- one
# word | more
a: 1
b:
  # not for the table
  c: "x y"
  # -- a whole map
  d: {e: 1, f: [2, 3]}
# -- nothing in it
g: {}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := "| value | default | meaning |\n| --- | --- | --- |\n" +
		"| `a` | `1` | one word \\| more |\n" +
		"| `b.c` | `x y` |  |\n" +
		"| `b.d` | `{e: 1, f: [2, 3]}` | a whole map |\n" +
		"| `g` | `{}` | nothing in it |\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheReadmeIsUpToDate(t *testing.T) {
	if err := run("../teleport-plugin-slack", true); err != nil {
		t.Error(err)
	}
}
