# Why a post is planned at its time.
mcoe plan small --week 2026-W44 --tables csv --out plan
mcoe explain plan --post $POST
