# A history that is imported as a scenario, and one that is refused.
posts.csv << account,channel,published_at,utc_offset_min,content_type,reach_or_null,engagements\ntea_fb,fb,2026-08-03T09:00:00Z,60,photo,1200,48\ntea_fb,fb,2026-08-10T09:00:00Z,60,link,1000,\nrepair_x,x,2026-08-20T15:00:00Z,-240,,300,9\n
mcoe import posts.csv --out shop
mcoe check --scenario shop
posts.csv << account,channel,published_at,engagements\ntea,facebook,2026-08-03,many\n
mcoe import posts.csv --out other
mcoe import nowhere.csv --out other
mcoe generate --clients 2 --seed 3 --out made
