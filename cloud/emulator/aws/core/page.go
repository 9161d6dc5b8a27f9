package core

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// Page takes the page that a request asks for out of all.
func Page(found []any, in Doc, size, token, refusal string) (page []any, next string, err error) {
	from := 0
	if given := Text(in, token); given != "" {
		if from = readToken(given); from < 0 || from > len(found) {
			return nil, "", Fail(refusal, "The token '%s' is invalid", given)
		}
	}
	most, bound := Whole(in, size)
	if bound && most < 1 {
		return nil, "", Fail(refusal, "%s must be at least 1", size)
	}
	page = found[from:]
	if bound && len(page) > most {
		page, next = page[:most], base64.RawURLEncoding.EncodeToString([]byte("after "+strconv.Itoa(from+most)))
	}
	if page == nil {
		page = []any{}
	}
	return page, next, nil
}

func readToken(s string) int {
	data, err := base64.RawURLEncoding.DecodeString(s)
	rest, ok := strings.CutPrefix(string(data), "after ")
	n, numberErr := strconv.Atoi(rest)
	if err != nil || !ok || numberErr != nil {
		return -1
	}
	return n
}
