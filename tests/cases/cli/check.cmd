# `mcoe check` on a valid pack and scenario, and on invalid ones.
mcoe check --scenario small
rules/house.rhai << fn weekly_post(ctx) {\n    ctx.fatige\n}\n
mcoe check
rules/house.rhai << fn weekly_posts(ctx) {\n    let = 1;\n}\n
mcoe check
rules/house.rhai << // Nothing yet.\n
small/warnings.csv << warning_id,client_id,type,severity,status,opened_at\ns-1,orbit-repare,data_gap,hihg,open,yesterday\n
mcoe check --scenario small
mcoe check --rules nowhere
