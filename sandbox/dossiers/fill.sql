-- Old dossiers, made by the server itself. A dossier is a function of its number n and the seed: every choice is taken
-- from the bits of one hash, so a million dossiers and ten million differ in nothing but how far back they go.
-- Read by fill.py, which runs each statement for a range of days; `-- name:` starts a statement.

-- name: ho_so
INSERT INTO ho_so (
    ma_ho_so, ma_don_vi, ten_don_vi, ma_tthc, ten_tthc,
    kenh_thuc_hien, loai_doi_tuong, nguoi_nop, so_giay_to_nguoi_nop, so_dien_thoai_nguoi_nop, chu_ho_so,
    trang_thai, trang_thai_tra_kq, loai_ket_qua,
    ngay_nop, ngay_tiep_nhan, ngay_hen_tra, ngay_ket_thuc_xu_ly, ngay_tra, da_xoa, cap_nhat_luc
)
SELECT
    'H27.' || unit || to_char(filed, '-YYMMDD-') || lpad(seq::text, 4, '0'), 'H27.' || unit, 'Đơn vị ' || unit,
    '1.00' || (1000 + (h >> 8 & 511)), 'Thủ tục số ' || (h >> 8 & 511),
    CASE WHEN (h >> 17 & 15) < 6 THEN 1 WHEN (h >> 17 & 15) = 6 THEN 3 ELSE 2 END,
    CASE WHEN (h >> 21 & 15) = 0 THEN 2 ELSE 1 END,
    'Nguyễn Văn Mẫu', '036' || lpad((h >> 5 & 8388607)::text, 9, '0'),
    '097' || lpad((h >> 25 & 4194303)::text, 7, '0'), 'Nguyễn Văn Mẫu',
    status,
    CASE WHEN status >= 9 THEN 2 END,
    CASE WHEN status >= 9 THEN CASE WHEN (h >> 12 & 31) = 0 THEN 'Trả lại/Xin rút' ELSE 'Kết quả' END END,
    filed,
    CASE WHEN status NOT IN (1, 3) THEN accepted END,
    CASE WHEN status NOT IN (1, 3) THEN accepted + interval '7 days' END,
    CASE WHEN status >= 9 THEN ended END,
    CASE WHEN status = 10 THEN ended END,
    (h >> 40 & 255) = 0,
    CASE WHEN status >= 9 THEN ended WHEN status NOT IN (1, 3) THEN accepted ELSE filed END
FROM (
    SELECT
        *,
        10 + (h >> 55 & 63) AS unit,
        filed + make_interval(mins => 1 + (h >> 33 & 127)::int) AS accepted,
        -- nobody has finished after the last day that is filled
        least(filed + make_interval(hours => 3 + (h >> 45 & 127)::int), CAST(:until AS timestamp)) AS ended,
        CASE
            WHEN (h >> 50 & 31) = 0 THEN 3
            -- open are most of the last days, few of the last year, none before
            WHEN age < 5 OR age < (h >> 3 & 15) OR age < 365 AND (h >> 28 & 1023) = 0
                THEN (ARRAY[1, 2, 4, 4, 4, 4, 5, 6])[1 + (h & 7)]
            -- results that nobody has collected: many of the last weeks, few of the years before
            WHEN age < 21 AND (h >> 60 & 3) = 0 OR (h >> 18 & 511) = 0 THEN 9
            ELSE 10
        END AS status
    FROM (
        SELECT
            seq,
            :days - day AS age,
            hashint8extended(((day - 1) * :per_day + seq)::bigint, :seed) AS h,
            CAST(:until AS timestamp) - make_interval(days => :days - day + 1)
                + interval '7 hours' + interval '10 hours' * seq / :per_day AS filed
        FROM generate_series(CAST(:first AS int), CAST(:last AS int)) AS day,
             generate_series(1, CAST(:per_day AS int)) AS seq
        WHERE (day - 1) * :per_day + seq <= :count
    ) AS numbers
) AS fates

-- name: qua_trinh_xu_ly
-- Two rows a dossier: the first step (2, or 1 if it went no further) and where it stands. Their ids leave no gap.
INSERT INTO qua_trinh_xu_ly (id, ma_ho_so, trang_thai, thoi_gian)
SELECT
    2 * n - 2 + step, ma_ho_so,
    CASE WHEN step = 2 THEN trang_thai WHEN ngay_tiep_nhan IS NULL THEN 1 ELSE 2 END,
    CASE WHEN step = 2 THEN cap_nhat_luc ELSE coalesce(ngay_tiep_nhan, ngay_nop) END
FROM ({numbered}) AS numbered, generate_series(1, 2) AS step

-- name: yeu_cau_thanh_toan
-- Every fourth dossier has a fee; those of the last days may still have to be paid.
INSERT INTO yeu_cau_thanh_toan (id, ma_ho_so, so_tien, trang_thai, hinh_thuc_thu, ngay_yeu_cau, cap_nhat_luc)
SELECT
    n / 4, ma_ho_so, 5000 * (1 + n % 200),
    CASE
        WHEN trang_thai < 9 THEN (ARRAY['Chờ thanh toán', 'Chưa thanh toán', 'Đã thanh toán'])[1 + n / 4 % 3]
        WHEN n % 64 = 0 THEN 'Hủy thanh toán'
        ELSE 'Đã thanh toán'
    END,
    CASE WHEN n % 8 = 0 THEN 'Thu sau' ELSE 'Thu trước' END,
    ngay_nop, cap_nhat_luc
FROM ({numbered}) AS numbered
WHERE n % 4 = 0
