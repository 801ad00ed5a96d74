package slacktest

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxBody is the longest body that is read, in bytes. Slack's own limit is
// not published; the longest message that it takes is far below this.
const maxBody = 4 << 20

// args are the arguments of one call, whatever way they came. What was not a
// string in a JSON body is its JSON text: blocks look the same from a form and
// from JSON, also from JSON that holds them as a string. A JSON null is an
// argument that was not given.
type args map[string]string

func (a args) has(name string) bool { _, ok := a[name]; return ok }

// flag reads a boolean as Slack does: "1" and "true" are true.
func (a args) flag(name string) bool {
	v := a[name]
	return v == "1" || strings.EqualFold(v, "true")
}

// request is what one HTTP request asks for.
type request struct {
	token    string // empty if there was none
	inHeader bool   // the token came in the Authorization header
	address  string // "ws" or "wss" and the host that the client asked
	post     bool
	args     args // without the token
	warnings []string
}

// parseRequest reads a request to a method; takesJSON is whether the
// method looks at a JSON body at all. An *apiError is what Slack answers to a
// body it can't read.
func parseRequest(r *http.Request, takesJSON bool) (request, error) {
	req := request{args: args{}, address: "ws://" + r.Host, post: r.Method == http.MethodPost}
	if r.TLS != nil {
		req.address = "wss://" + r.Host
	}
	req.args.addValues(r.URL.Query())
	if err := req.readBody(r, takesJSON); err != nil {
		return request{args: args{}}, err
	}
	req.token = req.args["token"]
	delete(req.args, "token")
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "bearer") {
		req.token, req.inHeader = strings.TrimSpace(token), true
	}
	return req, nil
}

func (req *request) readBody(r *http.Request, takesJSON bool) error {
	if r.Body == nil {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return &apiError{code: "request_timeout"} // "the POST data was either missing or truncated"
	}
	if len(body) > maxBody {
		return &apiError{code: "invalid_arguments", messages: []string{"[ERROR] request body too large"}}
	}
	contentType := r.Header.Get("Content-Type")
	if r.Method == http.MethodGet || len(body) == 0 {
		return nil
	}
	if contentType == "" {
		return &apiError{code: "missing_post_type"}
	}
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return &apiError{code: "invalid_post_type"}
	}
	switch strings.ToLower(params["charset"]) {
	case "", "utf-8", "iso-8859-1":
	default:
		return &apiError{code: "invalid_charset"}
	}
	switch mediaType {
	case "application/x-www-form-urlencoded":
		values, err := url.ParseQuery(string(body))
		if err != nil {
			return &apiError{code: "invalid_form_data"}
		}
		req.args.addValues(values)
	case "multipart/form-data":
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		if err := r.ParseMultipartForm(maxBody); err != nil {
			return &apiError{code: "invalid_form_data"}
		}
		req.args.addValues(r.MultipartForm.Value)
	case "application/json":
		if params["charset"] == "" {
			req.warnings = append(req.warnings, "missing_charset")
		}
		if takesJSON {
			return req.addJSON(body)
		}
	case "text/plain": // taken and not looked at
	default:
		return &apiError{code: "invalid_post_type"}
	}
	return nil
}

func (a args) addValues(values url.Values) {
	for name, v := range values {
		a[name] = strings.ToValidUTF8(v[len(v)-1], "\uFFFD")
	}
}

var errNotString = errors.New("not a JSON string")

func (req *request) addJSON(body []byte) error {
	if !utf8.Valid(body) || !json.Valid(body) {
		return &apiError{code: "invalid_json"}
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return &apiError{code: "json_not_object"}
	}
	delete(fields, "token") // Slack takes the token of a JSON call from the header only
	for name, raw := range fields {
		if string(raw) == "null" {
			continue
		}
		if s, err := jsonString(raw); err == nil {
			req.args[name] = s
		} else {
			req.args[name] = string(raw)
		}
	}
	return nil
}

func jsonString(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", errNotString
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err
}
