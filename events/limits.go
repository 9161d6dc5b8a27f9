package events

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

func checkString(path, s string, tag reflect.StructTag) []FieldError {
	if s == "" && tag.Get("required") != "true" {
		return nil
	}
	if limit, ok := bound(tag, "maxLength"); ok && utf8.RuneCountInString(s) > limit {
		return []FieldError{{path, fmt.Sprintf("%d characters: at most %d", utf8.RuneCountInString(s), limit)}}
	}
	if enum := tag.Get("enum"); enum != "" && !slices.Contains(strings.Split(enum, ","), s) {
		return []FieldError{{path, fmt.Sprintf("%q%s", Truncate(s), Suggest(s, strings.Split(enum, ",")))}}
	}
	if p := tag.Get("pattern"); p != "" && !pattern(p).MatchString(s) {
		return []FieldError{{path, fmt.Sprintf("%q%s", Truncate(s), wanted(tag))}}
	}
	return nil
}

func checkInt(path string, i int, tag reflect.StructTag) []FieldError {
	if n, ok := bound(tag, "minimum"); ok && i < n {
		return []FieldError{{path, fmt.Sprintf("%d: at least %d", i, n)}}
	}
	if n, ok := bound(tag, "maximum"); ok && i > n {
		return []FieldError{{path, fmt.Sprintf("%d: at most %d", i, n)}}
	}
	return nil
}

var patterns sync.Map // pattern text -> *regexp.Regexp

func pattern(p string) *regexp.Regexp {
	if re, ok := patterns.Load(p); ok {
		return re.(*regexp.Regexp)
	}
	re := regexp.MustCompile(p) // from our own tags: wrong ones fail every test
	patterns.Store(p, re)
	return re
}

func bound(tag reflect.StructTag, name string) (int, bool) {
	n, err := strconv.Atoi(tag.Get(name))
	return n, err == nil
}
