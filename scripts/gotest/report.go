package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// event is a line of "go test -json"; "go doc test2json" describes it.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

// counts is what the last line says.
type counts struct {
	Passed, Failed, Skipped int
	failures                []string // "package TestName", or the package alone
}

func (c counts) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", c.Passed, c.Failed, c.Skipped)
}

// boilerplate is what packages say that tells nobody anything.
var boilerplate = map[string]bool{
	"PASS\n":                              true,
	"FAIL\n":                              true,
	"testing: warning: no tests to run\n": true,
}

// result is one test of a package.
type result struct {
	name   string
	action string // pass, fail, skip; empty while it runs
	output strings.Builder
}

// suite is a package's tests, in the order in which they started.
type suite struct {
	order  []string
	tests  map[string]*result
	output strings.Builder // what no test said: panics, build errors
}

func (s *suite) test(name string) *result {
	r := s.tests[name]
	if r == nil {
		r = &result{name: name}
		s.tests[name] = r
		s.order = append(s.order, name)
	}
	return r
}

// report reads events until they end, prints what a person wants to see, and
// counts.
func report(events io.Reader, w io.Writer) (counts, error) {
	var sum counts
	suites := map[string]*suite{}
	// Lines have no limit: a test may print a whole message in one.
	in := bufio.NewReader(events)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil {
				fmt.Fprintf(w, "%s", line) // go itself, not a test
			} else {
				sum.take(suites, e, w)
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return sum, fmt.Errorf("read test events: %w", err)
		}
	}
	return sum, nil
}

func (c *counts) take(suites map[string]*suite, e event, w io.Writer) {
	if e.Action == "build-output" {
		fmt.Fprint(w, e.Output)
		return
	}
	if e.Package == "" {
		return
	}
	s := suites[e.Package]
	if s == nil {
		s = &suite{tests: map[string]*result{}}
		suites[e.Package] = s
	}
	switch {
	case e.Test != "":
		r := s.test(e.Test)
		switch e.Action {
		case "output":
			r.output.WriteString(e.Output)
		case "pass", "fail", "skip":
			r.action = e.Action
		}
	case e.Action == "output":
		if !boilerplate[e.Output] {
			s.output.WriteString(e.Output)
		}
	case e.Action == "pass", e.Action == "fail", e.Action == "skip":
		c.finish(e.Package, s, e.Action == "fail", w)
		delete(suites, e.Package)
	}
}

// finish counts a package's tests and prints what is worth it. A package whose
// tests all passed says one line.
func (c *counts) finish(pkg string, s *suite, failed bool, w io.Writer) {
	hasTests := map[string]bool{}  // has tests within it
	hasFailed := map[string]bool{} // of these, one failed
	for _, name := range s.order {
		ended := s.tests[name].action != ""
		for parent := name; ; {
			i := strings.LastIndexByte(parent, '/')
			if i < 0 {
				break
			}
			parent = parent[:i]
			hasTests[parent] = true
			if !ended || s.tests[name].action == "fail" {
				hasFailed[parent] = true
			}
		}
	}
	before := c.Failed
	for _, name := range s.order {
		r := s.tests[name]
		switch {
		case r.action == "fail", r.action == "":
			fmt.Fprint(w, r.output.String())
			if !hasFailed[name] {
				c.fail(pkg + " " + name)
			}
		case hasTests[name]: // its tests are counted
		case r.action == "pass":
			c.Passed++
		case r.action == "skip":
			c.Skipped++
		}
	}
	if failed && c.Failed == before {
		c.fail(pkg)
	}
	fmt.Fprint(w, s.output.String())
}

func (c *counts) fail(what string) {
	c.Failed++
	c.failures = append(c.failures, what)
}
