// Package apiclient is the Console's API as people and scripts use it: it logs in, calls, and reads lists page by page.
// Defenders use package client, which is small enough for a layer.
package apiclient
