# Every reason why no post is planned at an hour, and questions that cannot be answered.
mcoe plan small --tables csv --out plan
mcoe explain plan --why-not kettle-lane/fb/2026-10-20T09:00
mcoe explain plan --why-not kettle-lane/fb/2026-10-20T13:00
mcoe explain plan --why-not kettle-lane/fb/2026-10-20T03:00
mcoe explain plan --why-not kettle-lane/fb/2026-10-20T22:00
mcoe explain plan --why-not orbit-repair/x/2026-10-24T12:00
mcoe explain plan --why-not kettle-lane/fbb/2026-10-20T09:00
mcoe explain plan --why-not kettle-lane/x/2026-10-20T09:00
mcoe explain plan --why-not kettel-lane/fb/2026-10-20T09:00
mcoe explain plan --why-not kettle-lane/fb/2026-10-27T09:00
mcoe explain plan --why-not kettle-lane/fb/noon
mcoe explain plan --post 0000000000
mcoe explain small --post 1
