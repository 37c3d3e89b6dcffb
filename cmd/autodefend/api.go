package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/apiclient"
)

// Environment variables that say where the Console is and who calls.
const (
	consoleAddressVariable     = "AUTODEFEND_CONSOLE_ADDRESS"
	consoleTokenVariable       = "AUTODEFEND_CONSOLE_TOKEN" // it's a name
	consoleUserVariable        = "AUTODEFEND_CONSOLE_USER"
	consolePasswordVariable    = "AUTODEFEND_CONSOLE_PASSWORD" // it's a name
	consoleFingerprintVariable = "AUTODEFEND_CONSOLE_FINGERPRINT"
	consoleCAVariable          = "AUTODEFEND_CONSOLE_CA"
)

// apiCommand is the command api with its flags.
type apiCommand struct {
	*app
	address, user, fingerprint, ca string
	data                           string
	query                          []string
	all                            bool
}

func newAPI(a *app) *cobra.Command {
	c := &apiCommand{app: a}
	cmd := &cobra.Command{
		Long: `Calls the Console's API and prints what it answers. The path comes after /api/v1;
docs/reference/api.md lists them all. JSON is printed indented, anything else as it comes.

Who calls is said by ` + consoleTokenVariable + ` (an API token; POST /api-tokens makes one),
or by --user and ` + consolePasswordVariable + `. A self-signed Console is known by the
fingerprint that it prints when it starts.`,
		Example: `  autodefend api GET /policies/runtime/serverless
  autodefend api PUT /policies/runtime/serverless --data @policy.json
  autodefend api GET /audits/runtime/serverless -Q effect=prevent -Q from=2026-01-01T00:00:00Z --all
  autodefend api GET /audits/firewall/app/serverless/download > firewall.csv
  autodefend api POST /deployment/serverless/scan`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usageError(cmd, "api wants a method and a path")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args[0], args[1]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&c.address, "address", "", "`URL` of the Console (default: "+consoleAddressVariable+")")
	flags.StringVar(&c.user, "user", "", "`NAME` to log in with (default: "+consoleUserVariable+"); the password is "+consolePasswordVariable)
	flags.StringVar(&c.fingerprint, "fingerprint", "", "SHA-256 `FINGERPRINT` of the Console's certificate (default: "+consoleFingerprintVariable+")")
	flags.StringVar(&c.ca, "ca", "", "`FILE` with the Console's authority in PEM (default: "+consoleCAVariable+")")
	flags.StringVarP(&c.data, "data", "d", "", "body: JSON, @`FILE`, or - for standard input")
	flags.StringArrayVarP(&c.query, "query", "Q", nil, "query parameter `KEY=VALUE`; repeatable")
	flags.BoolVar(&c.all, "all", false, "read a list to its end, page by page")
	return cmd
}

func (c *apiCommand) run(ctx context.Context, method, path string) error {
	method = strings.ToUpper(method)
	if c.all && method != http.MethodGet {
		return autodefend.Errorf(autodefend.CodeInvalid, "option --all: it's for GET")
	}
	query, err := c.parameters()
	if err != nil {
		return err
	}
	body, err := c.body()
	if err != nil {
		return err
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Login(ctx); err != nil {
		return err
	}
	if c.all {
		return c.list(ctx, client, path, query)
	}
	response, err := client.Do(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return c.print(response)
}

// client makes a client of the flags and the environment.
func (c *apiCommand) client() (*apiclient.Client, error) {
	cfg := apiclient.Config{
		Address: or(c.address, consoleAddressVariable), Fingerprint: or(c.fingerprint, consoleFingerprintVariable),
		User: or(c.user, consoleUserVariable), Password: os.Getenv(consolePasswordVariable), UserAgent: "autodefend/" + version(),
	}
	if c.user == "" { // who names a user means that one
		cfg.Token = os.Getenv(consoleTokenVariable)
	}
	if cfg.Address == "" {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "the Console's address isn't known").WithHint("give --address or set %s", consoleAddressVariable)
	}
	if file := or(c.ca, consoleCAVariable); file != "" {
		ca, err := os.ReadFile(file)
		if err != nil {
			return nil, autodefend.Errorf(autodefend.CodeInvalid, "option --ca: the file %q can't be read: %s", file, whyNot(err))
		}
		cfg.CA = string(ca)
	}
	if cfg.Token == "" && (cfg.User == "" || cfg.Password == "") {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "nobody is named to call the Console as").
			WithHint("set %s, or give --user and set %s", consoleTokenVariable, consolePasswordVariable)
	}
	return apiclient.New(cfg)
}

// or is a flag's value, or its variable's.
func or(value, variable string) string {
	if value != "" {
		return value
	}
	return os.Getenv(variable)
}

// parameters reads --query.
func (c *apiCommand) parameters() (url.Values, error) {
	query := url.Values{}
	for _, text := range c.query {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, autodefend.Errorf(autodefend.CodeInvalid, "option --query: %q isn't KEY=VALUE", text)
		}
		query.Add(name, value)
	}
	return query, nil
}

// body reads --data.
func (c *apiCommand) body() ([]byte, error) {
	switch {
	case c.data == "":
		return nil, nil
	case c.data == "-":
		return io.ReadAll(c.stdin)
	case strings.HasPrefix(c.data, "@"):
		b, err := os.ReadFile(c.data[1:])
		if err != nil {
			return nil, autodefend.Errorf(autodefend.CodeInvalid, "option --data: the file %q can't be read: %s", c.data[1:], whyNot(err))
		}
		return b, nil
	default:
		return []byte(c.data), nil
	}
}

// list prints all entries of a list as one JSON array.
func (c *apiCommand) list(ctx context.Context, client *apiclient.Client, path string, query url.Values) error {
	separator := "["
	err := client.All(ctx, path, query, func(entry json.RawMessage) error {
		var b bytes.Buffer
		if err := json.Indent(&b, entry, "  ", "  "); err != nil {
			return fmt.Errorf("indent the answer: %w", err)
		}
		_, err := fmt.Fprintf(c.stdout, "%s\n  %s", separator, b.Bytes())
		separator = ","
		return err
	})
	switch {
	case separator == "," && err == nil:
		_, err = fmt.Fprintln(c.stdout, "\n]")
	case err == nil:
		_, err = fmt.Fprintln(c.stdout, "[]")
	case separator == ",":
		fmt.Fprintln(c.stdout)
	}
	return err
}

// print writes an answer: JSON indented, anything else as it comes.
func (c *apiCommand) print(response *http.Response) error {
	media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if media != "application/json" {
		_, err := io.Copy(c.stdout, response.Body)
		return cut(err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return cut(err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return cut(err)
	}
	_, err = fmt.Fprintln(c.stdout, b.String())
	return err
}

// cut is the error of an answer that ended too early.
func cut(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return &autodefend.Error{Code: autodefend.CodeUnavailable, Message: "the Console's answer ended too early", Err: err}
}
