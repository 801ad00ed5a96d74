package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/teleport-slack/teleport-slack/internal/message/template"
	"github.com/teleport-slack/teleport-slack/internal/quiet"
)

// Changes returns the keys whose values differ between two configurations,
// dotted and sorted. Tables whose keys are the user's own count as one.
//
// It compares the fields of Config by reflection, so that a new key can't be
// forgotten.
func Changes(was, is Config) []string {
	var keys []string
	changes(&keys, "", reflect.ValueOf(was), reflect.ValueOf(is))
	slices.Sort(keys)
	return slices.Compact(keys)
}

func changes(keys *[]string, prefix string, was, is reflect.Value) {
	for i := range was.NumField() {
		field := was.Type().Field(i)
		name := field.Tag.Get("key")
		switch name {
		case "-":
			continue
		case "":
			name = snakeCase(field.Name)
		}
		name = strings.TrimPrefix(prefix+"."+name, ".")
		a, b := was.Field(i), is.Field(i)
		switch {
		case field.Anonymous:
			changes(keys, prefix, a, b)
		case prefix == "" && field.Type.Kind() == reflect.Struct:
			changes(keys, name, a, b)
		case !equal(a, b):
			*keys = append(*keys, name)
		}
	}
}

// equal compares two values of one type, with their Equal method if they have one.
func equal(a, b reflect.Value) bool {
	switch x := a.Interface().(type) {
	case Secret:
		return x.Equal(b.Interface().(Secret))
	case quiet.Hours:
		return x.Equal(b.Interface().(quiet.Hours))
	case template.Template:
		return x.Equal(b.Interface().(template.Template))
	case map[string]template.Template:
		return maps.EqualFunc(x, b.Interface().(map[string]template.Template), template.Template.Equal)
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

// snakeCase turns a field's name into its key's: OnlyMonitoringRules into
// only_monitoring_rules, APIURL into apiurl. What that doesn't fit has a tag.
func snakeCase(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, c := range runes {
		if unicode.IsUpper(c) && i > 0 && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}
