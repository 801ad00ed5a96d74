package rule

import "maps"

func makePair(e *env, args []value) (value, bool) {
	return value{string: args[0].string, set: args[1].set}, e.spend(1)
}

func makeDict(e *env, args []value) (value, bool) {
	m := make(map[string][]string, len(args))
	for _, a := range args {
		if !e.spend(1 + len(a.set)) {
			return value{}, false
		}
		m[a.string] = a.set.items()
	}
	return value{dict: m}, true
}

// changed returns a copy of the map to change, whose values are still shared.
func changed(e *env, dict map[string][]string) (map[string][]string, bool) {
	if !e.spend(1 + len(dict)) {
		return nil, false
	}
	m := make(map[string][]string, len(dict)+1)
	maps.Copy(m, dict)
	return m, true
}

func putKey(e *env, args []value) (value, bool) {
	m, ok := changed(e, args[0].dict)
	if !ok || !e.spend(len(args[2].set)) {
		return value{}, false
	}
	m[args[1].string] = args[2].set.items()
	return value{dict: m}, true
}

func addValues(e *env, args []value) (value, bool) {
	m, ok := changed(e, args[0].dict)
	key := args[1].string
	if !ok || !e.spend(len(m[key])+len(args)) {
		return value{}, false
	}
	s := setOf(m[key]...)
	for _, a := range args[2:] {
		s[a.string] = struct{}{}
	}
	m[key] = s.items()
	return value{dict: m}, true
}

func removeKeys(e *env, args []value) (value, bool) {
	m, ok := changed(e, args[0].dict)
	if !ok || !e.spend(len(args)) {
		return value{}, false
	}
	for _, a := range args[1:] {
		delete(m, a.string)
	}
	return value{dict: m}, true
}
