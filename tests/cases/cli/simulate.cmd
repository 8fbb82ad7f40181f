# A simulation, and one that a failing script stops.
mcoe simulate small --replications 3 --out run
mcoe simulate small --weeks 1 --replications 1 --out run --force
rules/house.rhai << fn confidence(post, ctx) {\n    let sure = 0.0;\n    loop { sure += 0.1; }\n}\n
mcoe simulate small --out other
