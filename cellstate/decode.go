package cellstate

import (
	"math"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

var (
	addrType     = reflect.TypeFor[netip.Addr]()
	prefixType   = reflect.TypeFor[netip.Prefix]()
	durationType = reflect.TypeFor[Duration]()
)

// value puts the node n, which stands at path, into v. What does not fit is
// reported and leaves v as it is.
//
//	mapping  → struct, every key a field       scalar → string, number, bool,
//	sequence → slice                                    address, prefix, duration
func (r *report) value(n *yaml.Node, v reflect.Value, path string) {
	if _, ok := r.lines[path]; !ok {
		r.lines[path] = n.Line
	}
	switch {
	case n.Kind == yaml.AliasNode:
		r.misread(n.Line, path, "is an alias (*%s); aliases are not allowed, write the value out", n.Value)
		return
	case n.Anchor != "":
		r.misread(n.Line, path, "has an anchor (&%s); anchors are not allowed, write the value out where it is needed", n.Anchor)
		return
	case n.Style&yaml.TaggedStyle != 0:
		r.misread(n.Line, path, "has a tag (%s); tags are not allowed, write the plain value", n.Tag)
		return
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		r.misread(n.Line, path, "has no value; write %s, or leave the line out if the default is meant", wanted(v.Type()))
		return
	}
	if v.Kind() == reflect.Pointer {
		p := reflect.New(v.Type().Elem())
		r.value(n, p.Elem(), path)
		v.Set(p)
		return
	}
	leaf := v.Type() == addrType || v.Type() == prefixType
	switch {
	case !leaf && v.Kind() == reflect.Struct && n.Kind == yaml.MappingNode:
		r.mapping(n, v, path)
	case !leaf && v.Kind() == reflect.Slice && n.Kind == yaml.SequenceNode && len(n.Content) > listMax:
		r.misread(n.Line, path, "has %d entries; no list may have more than %d", len(n.Content), listMax)
	case !leaf && v.Kind() == reflect.Slice && n.Kind == yaml.SequenceNode:
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
		for i, item := range n.Content {
			r.value(item, v.Index(i), path+"["+strconv.Itoa(i)+"]")
		}
	case n.Kind == yaml.ScalarNode && (leaf || v.Kind() != reflect.Struct && v.Kind() != reflect.Slice):
		if problem := scalar(n, v); problem != "" {
			r.misread(n.Line, path, "is %s; %s", quote(n.Value), problem)
		}
	default:
		r.misread(n.Line, path, "is %s; write %s", kindName(n), wanted(v.Type()))
	}
}

// mapping fills a struct by its fields' yaml names.
func (r *report) mapping(n *yaml.Node, v reflect.Value, path string) {
	fields := map[string]reflect.Value{}
	var allowed nameList
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		fields[name] = v.Field(i)
		allowed = append(allowed, name)
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || key.Anchor != "" {
			r.atLine(key.Line, path, "has a key that is %s; keys are plain names: %s", kindName(key), allowed)
			continue
		}
		at := join(path, key.Value)
		field, known := fields[key.Value]
		first, again := seen[key.Value]
		switch {
		case !known:
			r.atLine(key.Line, join(path, plain(key.Value)), "is not a known field; allowed here are %s", allowed)
		case again:
			// The first one was read and may have a problem of its own, so this
			// is told under the key's own name, too.
			delete(r.bad, at)
			r.atLine(key.Line, at, "is given twice, first in line %d; keep one", first)
		default:
			seen[key.Value], r.lines[at] = key.Line, key.Line
			r.value(n.Content[i+1], field, at)
		}
	}
}

// scalar puts a plain value into v, or says what it should have been.
func scalar(n *yaml.Node, v reflect.Value) string {
	want := "write " + wanted(v.Type())
	quoted := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	switch v.Type() {
	case addrType:
		a, err := netip.ParseAddr(n.Value)
		if err != nil {
			return want
		}
		v.Set(reflect.ValueOf(a))
		return ""
	case prefixType:
		p, err := netip.ParsePrefix(n.Value)
		if err != nil {
			return want
		}
		v.Set(reflect.ValueOf(p))
		return ""
	case durationType:
		d, err := time.ParseDuration(n.Value)
		if err != nil {
			return want
		}
		v.SetInt(int64(d))
		return ""
	}
	switch v.Kind() {
	case reflect.String:
		switch {
		case n.Tag != "!!str":
			return "put it in quotes if this text is meant"
		case n.Value == "":
			return want
		}
		v.SetString(n.Value)
	case reflect.Bool:
		// Not the parser's idea of a boolean, which has room for yes and On.
		if quoted || n.Value != "true" && n.Value != "false" {
			return want
		}
		v.SetBool(n.Value == "true")
	default:
		// Plain decimals only: 010, 0x10 and 1_0 read differently to different eyes.
		u, err := strconv.ParseUint(n.Value, 10, v.Type().Bits())
		if quoted || err != nil || strconv.FormatUint(u, 10) != n.Value || v.CanInt() && u > math.MaxInt64>>(64-v.Type().Bits()) {
			return want
		}
		if v.CanInt() {
			v.SetInt(int64(u))
		} else {
			v.SetUint(u)
		}
	}
	return ""
}

// wanted says how a value of the type is written.
func wanted(t reflect.Type) string {
	switch t {
	case addrType:
		return "an address like 10.0.1.10"
	case prefixType:
		return "a prefix like 10.0.0.0/16"
	case durationType:
		return "a duration with its unit like 350s, 2m or 500ms"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return wanted(t.Elem())
	case reflect.Struct:
		return "a mapping like {key: value}"
	case reflect.Slice:
		return "a list, [] for an empty one"
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	}
	return "a whole number without quotes, sign or leading zero, below 2^" + strconv.Itoa(magnitude(t))
}

// magnitude is the number of bits of a number's type without its sign.
func magnitude(t reflect.Type) int {
	if t.Kind() == reflect.Int {
		return t.Bits() - 1
	}
	return t.Bits()
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	return "a single value"
}

// nameList is put together only when a problem shows it.
type nameList []string

func (l nameList) String() string { return strings.Join(l, ", ") }

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// plain shows a key from the file as it is when that is harmless.
func plain(key string) string {
	for i := range len(key) {
		if c := key[i]; len(key) > nameLenMax || c <= ' ' || c >= 0x7f || strings.IndexByte(".[]\"", c) >= 0 {
			return quote(key)
		}
	}
	return key
}
