# A plan: refused where the folder exists, replaced with `--force`.
mcoe plan small --out plan
mcoe plan small --out plan
mcoe plan small --week 2026-W44 --out plan --force
mcoe plan small --out rules --force
mcoe plan small --out elsewhere/plan --week 2026-W99
