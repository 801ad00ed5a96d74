package check

import "context"

// Skip is a check that is not made, and why.
func Skip(name, why string) Check {
	return Check{Name: name, Run: func(context.Context) []Finding {
		return []Finding{{Status: Warning, Detail: "not checked: " + why, skipped: true}}
	}}
}

// Configuration reports what the loader said of the file: everything that is
// wrong with it, or else that it is sound, and what is odd about it.
func Configuration(path string, problems, warnings []Finding) Check {
	return Check{Name: "configuration", Run: func(context.Context) []Finding {
		var found []Finding
		if len(problems) == 0 {
			found = append(found, good("%s is sound", path))
		}
		for _, p := range problems {
			found = append(found, bad(p.Hint, "%s", p.Detail))
		}
		for _, w := range warnings {
			found = append(found, odd(w.Hint, "%s", w.Detail))
		}
		return found
	}}
}
