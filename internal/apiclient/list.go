package apiclient

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/autodefend/autodefend"
)

// pageSize is how many entries the Console gives at once.
const pageSize = 50

// maxPage bounds one page, in bytes.
const maxPage = 64 << 20

// All reads a list page by page and calls each with every entry in turn, until the header Total-Count says that all were
// there. A list without that header is one page.
func (c *Client) All(ctx context.Context, path string, query url.Values, each func(json.RawMessage) error) error {
	for offset := 0; ; {
		page, total, err := c.page(ctx, path, query, offset)
		if err != nil {
			return err
		}
		for _, entry := range page {
			if err := each(entry); err != nil {
				return err
			}
		}
		offset += len(page)
		if len(page) == 0 || offset >= total {
			return nil
		}
	}
}

// page reads one page. The total is that of the header, 0 when there is none.
func (c *Client) page(ctx context.Context, path string, query url.Values, offset int) ([]json.RawMessage, int, error) {
	paged := url.Values{}
	for name, values := range query {
		paged[name] = values
	}
	paged.Set("offset", strconv.Itoa(offset))
	paged.Set("limit", strconv.Itoa(pageSize))
	response, err := c.Do(ctx, http.MethodGet, path, paged, nil)
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxPage+1))
	if err != nil {
		return nil, 0, unreachable(err)
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(body, &entries); err != nil {
		if _, ok := errors.AsType[*json.SyntaxError](err); ok || len(body) > maxPage {
			return nil, 0, &autodefend.Error{Code: autodefend.CodeUnavailable, Message: "the Console's answer ended too early or isn't JSON", Err: err}
		}
		return nil, 0, autodefend.Errorf(autodefend.CodeInvalid, "%s isn't a list", path).WithHint("leave --all out")
	}
	total, _ := strconv.Atoi(response.Header.Get("Total-Count"))
	return entries, total, nil
}
