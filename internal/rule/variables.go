package rule

import (
	"strings"
	"unicode"
)

// variable is a name that stands for a part of the input.
type variable struct {
	typ   typ
	needs Needs
	read  func(Input) value
}

// variables are all variables, by their full names.
var variables = map[string]variable{
	"true":  {typ: boolType, read: func(Input) value { return value{bool: true} }},
	"false": {typ: boolType, read: func(Input) value { return value{} }},

	"access_request.spec.roles":               {typ: setType, read: func(in Input) value { return value{set: setOf(in.Request.Roles...)} }},
	"access_request.spec.suggested_reviewers": {typ: setType, read: func(in Input) value { return value{set: setOf(in.Request.SuggestedReviewers...)} }},
	"access_request.spec.system_annotations":  {typ: mapType, read: func(in Input) value { return value{dict: in.Request.SystemAnnotations} }},
	"access_request.spec.user":                {typ: stringType, read: func(in Input) value { return value{string: in.Request.User} }},
	"access_request.spec.request_reason":      {typ: stringType, read: func(in Input) value { return value{string: in.Request.Reason} }},
	"access_request.spec.creation_time":       {typ: timeType, read: func(in Input) value { return value{time: in.Request.Created} }},
	"access_request.spec.expiry":              {typ: timeType, read: func(in Input) value { return value{time: in.Request.Expires} }},

	"access_request.spec.resource_labels_union":        {typ: mapType, needs: Needs{Labels: true}, read: func(in Input) value { return value{dict: union(in.Labels)} }},
	"access_request.spec.resource_labels_intersection": {typ: mapType, needs: Needs{Labels: true}, read: func(in Input) value { return value{dict: intersection(in.Labels)} }},

	"user.traits": {typ: mapType, needs: Needs{Traits: true}, read: func(in Input) value { return value{dict: in.Traits} }},
}

// union returns all labels of all resources.
func union(resources []map[string]string) map[string][]string {
	all := map[string][]string{}
	for _, labels := range resources {
		for k, v := range labels {
			all[k] = append(all[k], v)
		}
	}
	return all
}

// intersection returns the labels that every resource has.
func intersection(resources []map[string]string) map[string][]string {
	common := map[string][]string{}
	if len(resources) == 0 {
		return common
	}
	for k, v := range resources[0] {
		everywhere := true
		for _, labels := range resources[1:] {
			other, ok := labels[k]
			everywhere = everywhere && ok && other == v
		}
		if everywhere {
			common[k] = []string{v}
		}
	}
	return common
}

// use returns the variable as an expression.
func (v variable) use() expr {
	return expr{typ: v.typ, eval: func(e *env) (value, *Error) {
		if v.needs.Labels && e.in.NoLabels {
			return value{}, &Error{Line: 1, Column: 1, Reason: "the labels of a resource can't be had", NoLabels: true}
		}
		return v.read(e.in), nil
	}}
}

// unknownVariable returns the message about an unknown name, with what is
// expected instead.
func unknownVariable(full string) string {
	for _, namespace := range []string{"access_request.spec.", "access_request.", "user."} {
		if wrong, ok := strings.CutPrefix(full, namespace); ok {
			first, _, _ := strings.Cut(wrong, ".")
			return strings.TrimSuffix(namespace, ".") + " has no " + quote(first) + ", expected " + listOf(namespace)
		}
	}
	if strings.IndexFunc(full, unicode.IsUpper) >= 0 {
		if _, ok := variables[strings.ToLower(full)]; ok {
			return "unknown name " + quote(full) + ", expected " + quote(strings.ToLower(full))
		}
	}
	return "unknown name " + quote(full) + ", expected a variable such as access_request.spec.roles, a function, or a string in double quotes"
}

func listOf(namespace string) string {
	found := set{}
	for full := range variables {
		if rest, ok := strings.CutPrefix(full, namespace); ok {
			first, _, _ := strings.Cut(rest, ".")
			found[first] = struct{}{}
		}
	}
	return oneOf(found.items())
}
