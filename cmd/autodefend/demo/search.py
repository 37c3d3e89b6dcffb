"""A function that searches the shop's books for four kinds of callers and trusts them all."""

import base64
import sqlite3
import urllib.parse


def handler(event, context):
    if "Records" in event:  # a queue
        return {"found": [search(record["body"]) for record in event["Records"]]}
    context_of = event.get("requestContext", {})
    if "http" in context_of:  # a function URL
        body = event.get("body", "")
        text = base64.b64decode(body).decode() if event.get("isBase64Encoded") else event.get("rawQueryString", "")
        found = urllib.parse.parse_qs(text).get("id", [""])[0]
    elif "elb" in context_of:  # a load balancer leaves the query as it was sent
        found = urllib.parse.unquote_plus(event["queryStringParameters"].get("id", ""))
    else:  # a REST API
        found = event["queryStringParameters"].get("id", "")
    return {"statusCode": 200, "headers": {"Content-Type": "text/html"}, "body": search(found)}


def search(title):
    books = sqlite3.connect(":memory:")
    books.execute("CREATE TABLE books (title TEXT, price TEXT)")
    books.executemany("INSERT INTO books VALUES (?, ?)", [("Emma", "7 EUR"), ("Persuasion", "9 EUR"), ("not for sale", "-")])
    try:
        rows = books.execute(f"SELECT title, price FROM books WHERE title = '{title}'").fetchall()
    except sqlite3.Error as error:
        return f"{title}: {error}"
    return f"{title}: {rows}"
