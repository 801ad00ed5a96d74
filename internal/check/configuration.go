package check

import "context"

// Skip is a check that does not run, with the reason.
func Skip(name, why string) Check {
	return Check{Name: name, Run: func(context.Context) []Finding {
		return []Finding{{Status: Warning, Detail: "not checked: " + why, skipped: true}}
	}}
}

// Configuration reports the loader's errors and warnings about the file.
func Configuration(path string, problems, warnings []Finding) Check {
	return Check{Name: "configuration", Run: func(context.Context) []Finding {
		var found []Finding
		if len(problems) == 0 {
			found = append(found, good("%s is valid", path))
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
